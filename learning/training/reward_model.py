"""The reward model: (question, answer) → how good, calibrated and bounded.

A bi-encoder with a small head or none, or a classifier of both texts; a calibration, and bounded terms. Its
folder holds safetensors and JSON, and a manifest with the hash of each; an encoder that was not trained stays
where it is and is known by its hash. Left out: training it (`learning/training/reward.py`); ensembles: score
with several and take what you need.
Run: thumbprint evaluate reward --data FOLDER --model DIR
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from rich.progress import Progress
from safetensors.numpy import load_file, save_file

from learning.models import hub, store
from learning.training import reward_folder
from learning.training.reward_classifier import Classifier
from learning.training.reward_folder import FORMAT
from learning.training.reward_head import Array, Calibration, Head, features
from learning.training.reward_surface import SURFACE, surface
from learning.training.reward_terms import Bounds, Terms, terms
from learning.training.reward_vectors import Vectors
from storage.errors import ModelError

CACHE = Path("~/.cache/thumbprint")
ENCODER, HEAD, SEEN, CLASSIFIER = "encoder", "head.safetensors", "seen.txt", "classifier"
Similarity = Literal["cosine", "dot"]
Precision = Literal["fp32", "bf16"]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """How texts become vectors."""

    similarity: Similarity = "cosine"
    """cosine: vectors of unit length; dot: as the pooling leaves them."""
    longest_tokens: int = 256
    """Of each text; the rest is not read, and the length term sees to it that it is not free."""
    answer_prefix: str = ""
    """Before each answer: with one, a question said back is not read as the question is."""
    surface: bool = False
    """Whether the head also counts: words, code, links and the like (`reward_surface.py`)."""


@dataclass(frozen=True, kw_only=True)
class Scored:
    """One answer's reward, and what it is made of: `network` in [-1, 1], the terms, and their clipped sum."""

    network: float
    terms: Terms
    reward: float


class RewardModel:
    """Rewards in [-1, 1]. Not for two threads at once."""

    def __init__(
        self,
        encoder: Any,
        *,
        reading: Reading,
        head: Head | None = None,
        calibration: Calibration | None = None,
        bounds: Bounds | None = None,
        about: Mapping[str, Any] | None = None,
        seen: frozenset[str] = frozenset(),
        classifier: Classifier | None = None,
    ) -> None:
        """`classifier` reads both texts together, in the place of the encoder, which is None then."""
        self.encoder, self.reading, self.head, self.classifier = encoder, reading, head, classifier
        self.calibration = calibration or Calibration()
        self.bounds = bounds or Bounds()
        self.about: Mapping[str, Any] = about or {}
        self.seen = seen
        """Keys of the questions that it was trained, chosen or calibrated on."""
        self._kept: Vectors | None = None
        self._precision: Precision = "fp32"
        if classifier is None:
            _prepare(encoder, reading)

    def keep(self, folder: Path, encoder_sha256: str, precision: Precision = "fp32") -> None:
        """From now on read each text once only, and keep its vector in `folder`, for whatever reads as this.

        `encoder_sha256` names the encoder, "" one that nobody else has. A classifier has no vectors.
        """
        if self.classifier is None:
            how = (encoder_sha256, self.reading.longest_tokens, self.reading.similarity, precision)
            self._precision = precision
            self._kept = Vectors(folder, ":".join(map(str, how)), self._encode)

    @classmethod
    def load(cls, folder: Path, *, cache: Path = CACHE, device: str = "cpu") -> RewardModel:
        """A trained model. Raises ModelError (missing, another format, one byte changed)."""
        about = reward_folder.read(folder)
        if about is None:
            raise ModelError(f"{folder} holds no reward model: `thumbprint train reward` makes one.")
        reading = Reading(**about["reading"])
        if reading.surface and about.get("surface") != list(SURFACE):
            raise ModelError(f"{folder} counts other things than this version does: train the model anew.")
        known: dict[str, Any] = {
            "reading": reading,
            "calibration": Calibration(**about["calibration"]),
            "bounds": Bounds(**about["bounds"]),
            "about": about,
            "seen": frozenset((folder / SEEN).read_text().split()),
        }
        if (folder / CLASSIFIER).is_dir():
            longest = known["reading"].longest_tokens
            return cls(None, classifier=Classifier(folder / CLASSIFIER, longest, device), **known)
        home = folder / ENCODER
        if not home.is_dir():
            home = hub.resolve(about["encoder"], "encoder", cache)
            if hash_of(home) != about["encoder_sha256"]:
                raise ModelError(
                    f"{home} is not the encoder on which {folder} was trained: its hash differs."
                )
        head = None
        if (folder / HEAD).is_file():
            tensors = load_file(folder / HEAD)
            head = Head(mean=tensors["mean"], spread=tensors["spread"], weight=tensors["weight"])
        return cls(open_encoder(home, device), head=head, **known)

    @classmethod
    def untrained(
        cls, encoder: str, *, reading: Reading | None = None, cache: Path = CACHE, device: str = "cpu"
    ) -> RewardModel:
        """The encoder as it comes: its cosine, uncalibrated. The baseline. Raises ModelError."""
        home = hub.resolve(encoder, "encoder", cache)
        opened, about = open_encoder(home, device), {"encoder": encoder}
        return cls(opened, reading=reading or Reading(), about=about, seen=tuned_on(home))

    def save(self, folder: Path, about: Mapping[str, Any], *, with_encoder: bool) -> None:
        """Write the model into `folder`, its manifest last, in which `about` is, too."""
        folder.mkdir(parents=True, exist_ok=True)
        if self.classifier is not None:
            self.classifier.save(folder / CLASSIFIER)
        elif with_encoder:
            self.encoder.save_pretrained(str(folder / ENCODER), create_model_card=False)
        if self.head is not None:
            save_file(
                {name: np.ascontiguousarray(value) for name, value in vars(self.head).items()}, folder / HEAD
            )
        (folder / SEEN).write_text("".join(f"{key}\n" for key in sorted(self.seen)))
        store.seal(
            folder,
            **{
                **about,
                "format": FORMAT,
                "reading": dataclasses.asdict(self.reading),
                "surface": list(SURFACE) if self.reading.surface else [],
                "calibration": dataclasses.asdict(self.calibration),
                "bounds": dataclasses.asdict(self.bounds),
            },
        )

    def score(
        self, questions: Sequence[str], answers: Sequence[str], ended: Sequence[bool] | None = None
    ) -> list[float]:
        """One reward in [-1, 1] a pair. `ended`: whether the policy ended each answer by itself, if known."""
        return [one.reward for one in self.explain(questions, answers, ended)]

    def explain(
        self, questions: Sequence[str], answers: Sequence[str], ended: Sequence[bool] | None = None
    ) -> list[Scored]:
        """The same with what each is made of. Raises ModelError where a number is not finite."""
        network = _finite(self.calibration.score(self.raw(questions, answers)))
        known = ended if ended is not None else [None] * len(answers)
        made = []
        for question, answer, done, value in zip(questions, answers, known, network, strict=True):
            lost = terms(question, answer, done, self.bounds)
            reward = min(1.0, max(-1.0, float(value) + lost.total))
            made.append(Scored(network=float(value), terms=lost, reward=reward))
        return made

    def raw(self, questions: Sequence[str], answers: Sequence[str]) -> Array:
        """What the network says, before calibration and terms: (n,)."""
        if len(questions) != len(answers):
            raise ValueError(f"{len(questions)} questions and {len(answers)} answers: one each is needed")
        if not answers:
            return np.zeros(0)
        return _finite(self._read(questions, answers))

    def _read(self, questions: Sequence[str], answers: Sequence[str]) -> Array:
        if self.classifier is not None:
            return self.classifier.raw(questions, answers)
        asked, said = self.embed(questions), self.embed(answers, answer=True)
        if self.head is None:
            found: Array = (asked * said).sum(1)
            return found
        return self.head.raw(
            features(asked, said, surface(questions, answers) if self.reading.surface else None)
        )

    def embed(self, texts: Sequence[str], *, answer: bool = False, progress: Progress | None = None) -> Array:
        """(n, d) vectors; each different text is read once."""
        prefix = self.reading.answer_prefix if answer else ""
        asked = [prefix + text for text in texts]
        if self._kept is not None:
            return self._kept.of(asked, progress, "answers" if answer else "questions")
        place = {text: n for n, text in enumerate(dict.fromkeys(asked))}
        found: Array = self._encode(list(place))[[place[text] for text in asked]]
        return found

    def _encode(self, texts: Sequence[str]) -> Array:
        with torch.autocast(self.encoder.device.type, torch.bfloat16, enabled=self._precision == "bf16"):
            vectors = self.encoder.encode(
                list(texts),
                batch_size=32,
                normalize_embeddings=self.reading.similarity == "cosine",
                show_progress_bar=False,
            )
        return np.asarray(vectors, dtype=np.float64)


def open_encoder(folder: Path, device: str = "cpu") -> Any:
    """A sentence-transformers model from safetensors. Raises ModelError."""
    from sentence_transformers import SentenceTransformer

    try:
        return SentenceTransformer(
            str(folder),
            device=device,
            trust_remote_code=False,
            local_files_only=True,
            model_kwargs={"use_safetensors": True},
        )
    except (OSError, ValueError, KeyError) as error:
        raise ModelError(f"The encoder in {folder} cannot be loaded: {error}") from error
    except (RuntimeError, AssertionError) as error:  # as torch says that it has no such device
        raise ModelError(f"The encoder in {folder} cannot be loaded on {device!r}: {error}") from error


def _prepare(encoder: Any, reading: Reading) -> None:
    """Set the window; for dot products, let vectors keep their length."""
    from sentence_transformers.sentence_transformer.modules import Normalize

    config = getattr(getattr(encoder[0], "model", None), "config", None)
    most = getattr(config, "max_position_embeddings", reading.longest_tokens)
    encoder.max_seq_length = min(reading.longest_tokens, most)
    if reading.similarity == "dot":
        for name, module in list(encoder.named_children()):
            if isinstance(module, Normalize):
                del encoder._modules[name]


def _finite(rewards: Array) -> Array:
    if not np.isfinite(rewards).all():
        raise ModelError("The reward model gives rewards that are not finite: train it anew.")
    return rewards


def tuned_on(encoder: Path) -> frozenset[str]:
    """Keys of the questions that an encoder saw as a part of a reward model, which tuned it.

    Raises ModelError where that one is damaged.
    """
    whole = encoder.name == ENCODER and reward_folder.read(encoder.parent) is not None
    return frozenset((encoder.parent / SEEN).read_text().split()) if whole else frozenset()


def hash_of(folder: Path) -> str:
    """SHA-256 of an encoder's safetensors, in the order of their names."""
    files = sorted(folder.rglob("*.safetensors"))
    return "-".join(store.sha256_of(file)[: 16 if len(files) > 1 else 64] for file in files)
