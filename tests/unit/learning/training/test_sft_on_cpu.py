"""Without a GPU the loss is TRL's own number, with TRL's own gradient, made of the answers' logits alone."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console
from trl.trainer.sft_trainer import SFTTrainer

from learning import prompt
from learning.models.tokenizer import Tokens
from learning.training.sft_checkpoints import Work
from learning.training.sft_data import examples
from learning.training.sft_on_cpu import OnCpu
from learning.training.sft_options import by_steps
from learning.training.sft_trainer import trainer_of
from learning.training.sft_watch import Watch
from tests.unit.learning.training.demonstrations import demonstration, write_snapshot

pytestmark = [
    pytest.mark.filterwarnings("ignore:`is_gradient_checkpointing`:FutureWarning"),
    pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU: TRL's own loss is taken"),
]


@pytest.fixture
def trainer(base: Path, tmp_path: Path) -> Any:
    asked = ("Why?", "Why does the second test fail?", "Why does it fail, and only on the build machine?")
    rows = [
        demonstration(3 * number, prompt=prompt.build(question, ""))
        for number, question in enumerate(asked, 1)
    ]
    data = write_snapshot(tmp_path / "snapshots", rows)
    options = by_steps(
        data=data,
        out=tmp_path / "out",
        model=str(base),
        cache=tmp_path,
        rank=4,
        learning_rate=1e-2,
        steps=2,
        batch=3,
    )
    tokens = Tokens(base)
    learned, measured = (examples(some, tokens, options.longest) for some in (rows, []))
    work, watch = Work(options.out, "r"), Watch(Console(quiet=True))
    made = trainer_of(options, base, tokens, learned, measured, work, watch)
    made.train()  # a LoRA that is not zero
    return made


@pytest.mark.parametrize(("in_step", "processes"), [(None, 1), (40, 1), (40, 2)])
def test_the_loss_and_its_gradient_are_trls(
    trainer: Any, in_step: int | None, processes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(type(trainer.accelerator), "num_processes", processes)
    batch = next(iter(trainer.get_train_dataloader()))
    starts = {int((labels != -100).nonzero()[0]) for labels in batch["labels"]}
    assert isinstance(trainer, OnCpu) and len(starts) > 1  # prompts of different lengths
    count = None if in_step is None else torch.tensor(in_step)
    losses, gradients = [], []
    for kind in (OnCpu, SFTTrainer):
        trainer.model.zero_grad()
        loss = kind.compute_loss(trainer, trainer.model, dict(batch), num_items_in_batch=count)
        loss.backward()
        losses.append(loss.item())
        gradients.append([one.grad.clone() for one in trainer.model.parameters() if one.requires_grad])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
    assert any(float(one.abs().max()) > 1e-4 for one in gradients[1])
    for ours, theirs in zip(*gradients, strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-7)
