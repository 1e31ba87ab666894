"""TRL's trainers of DPO, KTO and RLOO as we use them: over our tokens, on a LoRA, on what there is.

Each leaves out TRL's own reading of the data (`_prepare_dataset`, `_tokenize_prompts`), for tokens are made
once, as the server makes them; `check_batch` looks whether they arrive. A new LoRA's reference is the base
with the LoRA off, a parent's is TRL's frozen copy of it.
Left out: what is trained on, and when (`alternatives.py`); RLOO's vLLM.

    pytest tests/unit/learning/training/test_alternatives.py
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import PrinterCallback, set_seed
from trl.trainer.dpo_config import DPOConfig
from trl.trainer.dpo_trainer import DPOTrainer
from trl.trainer.kto_config import KTOConfig
from trl.trainer.kto_trainer import KTOTrainer
from trl.trainer.rloo_config import RLOOConfig
from trl.trainer.rloo_trainer import RLOOTrainer

from learning.models.tokenizer import Tokens
from learning.training.alternatives_alarms import Sentry, rates
from learning.training.alternatives_data import Chosen, mismatched, weights
from learning.training.alternatives_options import Options
from learning.training.ppo_batch import Prompt, Reward, scored
from learning.training.sft_checkpoints import Work
from learning.training.sft_data import order
from learning.training.sft_trainer import adapted
from learning.training.sft_watch import Watch


class Pairs(DPOTrainer):
    """DPO over rows that are tokens already."""

    def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
        return dataset


class Thumbs(KTOTrainer):
    """KTO over rows that are tokens already."""

    def _prepare_dataset(self, dataset: Any, *_: Any, **__: Any) -> Any:
        return dataset


class Answers(RLOOTrainer):
    """RLOO over prompts that are tokens already; the data's `prompt` is a prompt's number."""

    asked: Sequence[Prompt] = ()

    def _tokenize_prompts(self, prompts: list[Any]) -> tuple[list[list[int]], None, dict[str, Any]]:
        return [list(self.asked[int(number)].ids) for number in prompts], None, {}


def trainer_of(
    options: Options, base: Path, tokens: Tokens, learned: Chosen, measured: Chosen, work: Work, watch: Watch
) -> Any:
    """DPO's or KTO's trainer over `learned`, in an order drawn by the seed."""
    set_seed(options.seed)
    model, lora = adapted(base, options.parent, options.rank, options.alpha)
    common = {**_common(options, work), "max_length": None, "disable_dropout": True}
    rows, held_out = _ordered(options, learned), [dict(row) for row in measured.rows]
    kind: type[Any]
    if options.algorithm == "dpo":
        kind = Pairs
        config: Any = DPOConfig(
            beta=options.beta,
            loss_type=["sigmoid_norm", "sft"],
            loss_weights=[1.0, options.sft_weight],
            train_sampling_strategy="sequential",
            **common,
        )
    else:
        kind, labels = Thumbs, [bool(row["label"]) for row in learned.rows]
        desirable, undesirable = weights(sum(labels), len(labels) - sum(labels))
        config = KTOConfig(
            beta=options.beta, desirable_weight=desirable, undesirable_weight=undesirable, **common
        )
        rows, held_out = mismatched(rows, options.batch), mismatched(held_out, options.batch)
    trainer = kind(
        model=model,
        args=config,
        train_dataset=Dataset.from_list(rows),
        eval_dataset=Dataset.from_list(held_out) if held_out else None,
        processing_class=tokens.inner,
        peft_config=lora,
        callbacks=[watch],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def _ordered(options: Options, learned: Chosen) -> list[dict[str, Any]]:
    """The rows over all epochs. KTO's are shuffled whole, in whole batches: a batch of one has no KL."""
    count = math.ceil(options.epochs * len(learned.rows))
    if options.max_steps:
        count = min(count, options.max_steps * options.batch * options.accumulate)
    if options.algorithm == "kto":
        count = math.ceil(count / options.batch) * options.batch
        lengths = [0] * len(learned.rows)
    else:
        lengths = learned.lengths
    return [dict(learned.rows[number]) for number in order(lengths, count, options.batch, options.seed)]


def writer_of(
    options: Options,
    base: Path,
    tokens: Tokens,
    ends: frozenset[int],
    prompts: Sequence[Prompt],
    reward: Reward,
    work: Work,
    watch: Watch,
) -> Any:
    """RLOO's trainer over `prompts`, each answered `attempts` times; answers that do not end lose.

    Alarms stop it.
    """
    set_seed(options.seed)
    model, lora = adapted(base, options.parent, options.rank, options.alpha)

    def judge(
        prompts: list[str],
        completion_ids: list[list[int]],
        log_metric: Callable[[str, float], None],
        **_: Any,
    ) -> list[float | None]:
        asked = [trainer.asked[int(number)].question for number in prompts]
        ended = [ids[-1] in ends for ids in completion_ids]
        texts = [
            tokens.decode(ids[:-1] if end else ids).strip()
            for ids, end in zip(completion_ids, ended, strict=True)
        ]
        for name, value in rates(asked, texts, ended).items():
            log_metric(name, value)
        scores = scored(reward, asked, texts, "The reward")
        return [
            score - (0.0 if end else options.missing_eos) for score, end in zip(scores, ended, strict=True)
        ]

    at_once = options.batch * options.accumulate // options.attempts
    count = math.ceil(options.epochs * len(prompts) / at_once)
    count = (min(count, options.max_steps) if options.max_steps else count) * at_once
    numbers = order([0] * len(prompts), count, at_once, options.seed)
    trainer: Any = Answers(
        model=model,
        reward_funcs=judge,
        args=RLOOConfig(
            beta=options.beta,
            num_generations=options.attempts,
            max_completion_length=options.max_answer,
            temperature=options.temperature,
            generation_kwargs={"eos_token_id": sorted(ends)},
            shuffle_dataset=False,
            disable_dropout=True,
            **_common(options, work),
        ),
        train_dataset=Dataset.from_list([{"prompt": str(number)} for number in numbers]),
        processing_class=tokens.inner,
        peft_config=lora,
        callbacks=[watch, Sentry(options.limits)],
    )
    trainer.asked = prompts
    trainer.remove_callback(PrinterCallback)
    return trainer


def _common(options: Options, work: Work) -> dict[str, Any]:
    return {
        "output_dir": str(work.folder),
        "per_device_train_batch_size": options.batch,
        "per_device_eval_batch_size": options.batch,
        "gradient_accumulation_steps": options.accumulate,
        "learning_rate": options.learning_rate,
        "lr_scheduler_type": "cosine",
        "warmup_steps": options.warmup,
        "num_train_epochs": 1,  # the epochs are in the rows' order
        "save_steps": options.checkpoint_every,
        "save_total_limit": 2,
        "logging_steps": 1,
        "logging_nan_inf_filter": False,
        "activation_checkpointing": False,
        "bf16": options.precision == "bf16",
        "use_cpu": not torch.cuda.is_available(),
        "seed": options.seed,
        "data_seed": options.seed,
        "dataloader_pin_memory": False,
        "disable_tqdm": True,
        "report_to": "none",
    }
