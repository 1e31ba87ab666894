"""The reward's head and calibration, fitted on what a model reads: vectors kept by chunks, then convex fits.

Left out: the arithmetic (`learning/training/reward_head.py`), training the encoder.
Run: thumbprint train reward --data FOLDER --out DIR
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import Progress

from learning.training.reward_data import Ranked
from learning.training.reward_head import Array, Calibration, Head, calibrate, features, fit, surface
from learning.training.reward_model import RewardModel
from learning.training.reward_pairs import weighted

CHUNK = 256
"""Texts that are read between two savings of their vectors."""


def fitted(
    model: RewardModel,
    questions: Sequence[Ranked],
    *,
    most_pairs: int,
    adversarial: float,
    penalty: float,
    work: Path,
    console: Console,
) -> tuple[Head, float]:
    """A head on the vectors of all pairs, held to the model's own head where it has one; and its loss.

    What was read is kept in `work`, so that a killed run need not read it again.
    """
    pairs = list(weighted(questions, most_pairs=most_pairs, adversarial=adversarial))
    asked = [one.question for one in pairs]
    sides = [[one.better for one in pairs], [one.worse for one in pairs]]
    with Progress(console=console) as progress:
        vectors = _vectors(model, asked, work / "questions", progress, answer=False)
        better, worse = (
            features(
                vectors,
                _vectors(model, side, work / "answers", progress, answer=True),
                surface(side) if model.reading.surface else None,
            )
            for side in sides
        )
    return fit(better, worse, np.array([one.weight for one in pairs]), penalty, model.head)


def _vectors(
    model: RewardModel, texts: Sequence[str], folder: Path, progress: Progress, *, answer: bool
) -> Array:
    """As `model.embed`, by chunks that are kept in `folder`."""
    folder.mkdir(exist_ok=True)
    unique = list(dict.fromkeys(texts))
    chunks = [unique[at : at + CHUNK] for at in range(0, len(unique), CHUNK)]
    found = []
    for chunk in progress.track(chunks, description="answers" if answer else "questions"):
        name = hashlib.sha256("\0".join(chunk).encode("utf-8", "surrogatepass")).hexdigest()[:32]
        file = folder / f"{name}.npy"
        if not file.exists():
            with (folder / "unfinished").open("wb") as sink:
                np.save(sink, model.embed(chunk, answer=answer))
            (folder / "unfinished").rename(file)
        found.append(np.load(file))
    place = {text: n for n, text in enumerate(unique)}
    every: Array = np.concatenate(found)[[place[text] for text in texts]]
    return every


def calibrated(model: RewardModel, questions: Sequence[Ranked], most_pairs: int) -> Calibration:
    """Odds of these questions' pairs; the median of their answers is the middle."""
    pairs = [(one, better, worse) for one in questions for better, worse in one.pairs[:most_pairs]]
    asked = [one.question for one, _, _ in pairs]
    better = model.raw(asked, [one.answers[place] for one, place, _ in pairs])
    worse = model.raw(asked, [one.answers[place] for one, _, place in pairs])
    return calibrate(better - worse, np.concatenate([better, worse]))
