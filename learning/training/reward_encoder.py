"""Training the reward's encoder: triplets → parameters, by sentence-transformers, resumable.

Losses: `triplet`, the published recipe's hinge on distances; `ranking`, the better answer before the worse
and before the other questions' answers of the batch (CachedMultipleNegativesRankingLoss); `pairwise`, the
logistic loss of a head's scores, trained with the encoder. Left out: multi-GPU launch, pushing to a hub.
Run: thumbprint train reward --data FOLDER --out DIR
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from datasets import Dataset
from safetensors import SafetensorError
from sentence_transformers import SentenceTransformerTrainer, SentenceTransformerTrainingArguments
from sentence_transformers.sentence_transformer.losses import (
    CachedMultipleNegativesRankingLoss,
    TripletDistanceMetric,
    TripletLoss,
)
from sentence_transformers.sentence_transformer.training_args import BatchSamplers
from sentence_transformers.util import dot_score, pairwise_dot_score
from torch import Tensor, nn
from transformers import TrainerCallback
from transformers.trainer_utils import get_last_checkpoint

from learning.models import store
from learning.training.reward_model import Precision, Similarity
from storage.errors import DataError, SetupError

Loss = Literal["triplet", "ranking", "pairwise", "none"]
Text3 = tuple[str, str, str]
PAIRWISE = "pairwise.pt"


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """How the encoder is trained."""

    loss: Loss = "triplet"
    """triplet, ranking or pairwise; none leaves the encoder as it is."""
    margin: float = 0.2
    """Of the triplet loss: 0.1 to 0.5 for cosine, 5 for dot."""
    epochs: float = 1.0
    """How often each triplet is seen."""
    batch: int = 32
    """Triplets a step."""
    rate: float = 2e-5
    """The highest learning rate, after a warm-up of a tenth of the steps; then it falls in a line."""
    head_rate: float = 1e-3
    """The same of the head that the pairwise loss trains along."""
    layer_decay: float = 1.0
    """Each layer below the highest learns so much slower than the one above it."""
    frozen_layers: int = 0
    """This many of the lowest layers, and the embeddings, stay as they are: less to compute."""
    precision: Precision = "fp32"
    """bf16 computes in bfloat16 (autocast), which processors that multiply in it do about twice as fast; in
    reading for the head, too. Scores are always computed in fp32."""
    checkpoint_steps: int = 100
    """A checkpoint every so many steps; a killed run goes on from its last."""
    seed: int = 0
    """Of the order of triplets and of dropout."""


class Pairwise(nn.Module):
    """The logistic loss of score(better) - score(worse); a score is linear in the two vectors' features."""

    def __init__(self, model: Any, dimensions: int) -> None:
        super().__init__()
        self.model = model
        self.head = nn.Linear(2 * dimensions + 2, 1, bias=False)
        nn.init.zeros_(self.head.weight)

    def forward(self, sentence_features: Iterable[dict[str, Tensor]], labels: Tensor | None = None) -> Tensor:
        """A scalar; three columns: question, better, worse."""
        asked, better, worse = (self.model(each)["sentence_embedding"] for each in sentence_features)
        gap = self._score(asked, better) - self._score(asked, worse)  # (batch, 1)
        return nn.functional.softplus(-gap).mean()

    def _score(self, asked: Tensor, said: Tensor) -> Tensor:
        product = asked * said
        near = product.sum(1, keepdim=True)
        scaled = asked.shape[1] ** 0.5
        found: Tensor = self.head(torch.cat([said * scaled, product * scaled, near, near**2], dim=1))
        return found


class Training(SentenceTransformerTrainer):
    """The library's trainer. A loss that is no number ends it; its checkpoints have the pairwise head."""

    def compute_loss(self, *given: Any, **named: Any) -> Any:
        """The library's, checked. Raises DataError for a loss that is not finite."""
        found = super().compute_loss(*given, **named)
        loss = found[0] if isinstance(found, tuple) else found
        if not torch.isfinite(loss):
            raise DataError(
                f"The loss is {loss.item()} at step {self.state.global_step}: nothing was kept of this step. "
                "Lower the learning rate, or look for damaged texts; the last checkpoint is still there."
            )
        return found

    def add_model_card_callback(self, default_args_dict: dict[str, Any]) -> None:
        """No card is written while it trains: it would look the data up on a hub."""

    def _save(self, output_dir: str | None = None, state_dict: Any = None) -> None:
        super()._save(output_dir, state_dict)
        if isinstance(self.loss, Pairwise):
            torch.save(self.loss.head.state_dict(), Path(str(output_dir or self.args.output_dir)) / PAIRWISE)

    def _load_from_checkpoint(self, checkpoint_path: str) -> None:  # type: ignore[override]
        super()._load_from_checkpoint(checkpoint_path)
        if isinstance(self.loss, Pairwise):
            self.loss.head.load_state_dict(torch.load(Path(checkpoint_path) / PAIRWISE, weights_only=True))


class _Told(TrainerCallback):
    """Hands each logged loss to a function of (step, steps, numbers), and seals each checkpoint."""

    def __init__(self, tell: Callable[[int, int, Mapping[str, float]], None]) -> None:
        self.tell = tell

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        self.tell(state.global_step, state.max_steps, logs or {})

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        store.seal(Path(args.output_dir) / f"checkpoint-{state.global_step}")


def tune(
    encoder: Any,
    triplets: Sequence[Text3],
    tuning: Tuning,
    similarity: Similarity,
    work: Path,
    tell: Callable[[int, int, Mapping[str, float]], None],
) -> None:
    """Train `encoder` in place on (question, better, worse); checkpoints lie in `work`, and are gone on from.

    Raises DataError (no triplet, a loss that is no number), SetupError (the disk is full).
    """
    if not triplets:
        raise DataError("There is no triplet in the training part: the encoder cannot be trained.")
    freeze(encoder, tuning.frozen_layers)
    columns = dict(
        zip(("anchor", "positive", "negative"), map(list, zip(*triplets, strict=True)), strict=True)
    )
    arguments = SentenceTransformerTrainingArguments(
        output_dir=str(work),
        num_train_epochs=tuning.epochs,
        per_device_train_batch_size=tuning.batch,
        learning_rate=tuning.rate,
        learning_rate_mapping=_rates(encoder, tuning),
        warmup_steps=0.1,
        seed=tuning.seed,
        data_seed=tuning.seed,
        batch_sampler=BatchSamplers.NO_DUPLICATES
        if tuning.loss == "ranking"
        else BatchSamplers.BATCH_SAMPLER,
        save_strategy="steps",
        save_steps=tuning.checkpoint_steps,
        save_total_limit=2,
        logging_steps=10,
        logging_nan_inf_filter=False,
        report_to="none",
        disable_tqdm=True,
        bf16=tuning.precision == "bf16",
        use_cpu=encoder.device.type == "cpu",
        dataloader_pin_memory=encoder.device.type != "cpu",
    )
    trainer = Training(
        model=encoder,
        args=arguments,
        train_dataset=Dataset.from_dict(columns),
        loss=_loss(encoder, tuning, similarity),
        callbacks=[_Told(tell)],
    )
    try:
        trainer.train(resume_from_checkpoint=_last_checkpoint(work))
    except (OSError, SafetensorError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and "PytorchStreamWriter" not in str(error):
            raise
        raise SetupError(
            f"{work} could not be written ({getattr(error, 'strerror', None) or error}): make room; the same "
            "command goes on from the last checkpoint."
        ) from error
    encoder.requires_grad_(True).eval()


def _last_checkpoint(work: Path) -> str | None:
    """The newest whole checkpoint; what a kill or a full disk left of another is removed."""
    for folder in work.glob("checkpoint-*"):
        if store.state(folder) != "ready":
            shutil.rmtree(folder)
    return get_last_checkpoint(str(work)) if work.is_dir() else None  # type: ignore[no-untyped-call]


def freeze(encoder: Any, layers: int) -> None:
    """Leave embeddings and the lowest `layers` layers as they are. Raises DataError where there are fewer."""
    if not layers:
        return
    numbered = [(name, _layer(name)) for name, _ in encoder.named_parameters()]
    highest = max((n for _, n in numbered if n is not None), default=-1)
    if layers > highest:
        raise DataError(
            f"The encoder has {highest + 1} layers: fewer than these can be frozen, not {layers}."
        )
    for name, parameter in encoder.named_parameters():
        layer = _layer(name)
        if (layer is not None and layer < layers) or ".embeddings." in name:
            parameter.requires_grad_(False)


def _rates(encoder: Any, tuning: Tuning) -> dict[str, float]:
    """Learning rates by pattern of parameters' names, as the library takes them."""
    rates = {r"^head\.": tuning.head_rate} if tuning.loss == "pairwise" else {}
    if tuning.layer_decay != 1.0:
        names = [name for name, _ in encoder.named_parameters()]
        layers = sorted({layer for name in names if (layer := _layer(name)) is not None})
        for layer in layers:
            rates[rf"\.layers?\.{layer}\."] = tuning.rate * tuning.layer_decay ** (layers[-1] - layer)
        if layers and any(".embeddings." in name for name in names):
            rates[r"\.embeddings\."] = tuning.rate * tuning.layer_decay ** (layers[-1] + 1)
    return rates


def _layer(name: str) -> int | None:
    found = re.search(r"\.layers?\.(\d+)\.", name)
    return int(found[1]) if found else None


def _loss(encoder: Any, tuning: Tuning, similarity: Similarity) -> nn.Module:
    dot = similarity == "dot"
    if tuning.loss == "ranking":
        named: dict[str, Any] = {"similarity_fct": dot_score, "scale": 1.0} if dot else {}
        return CachedMultipleNegativesRankingLoss(encoder, mini_batch_size=16, **named)
    if tuning.loss == "pairwise":
        return Pairwise(encoder, encoder.get_embedding_dimension())
    if dot:
        return TripletLoss(encoder, distance_metric=_minus_dot, triplet_margin=tuning.margin)
    return TripletLoss(encoder, distance_metric=TripletDistanceMetric.COSINE, triplet_margin=tuning.margin)


def _minus_dot(one: Tensor, other: Tensor) -> Tensor:
    return -pairwise_dot_score(one, other)
