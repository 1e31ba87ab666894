from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from learning.training import reward_model
from learning.training.reward_head import Calibration, Head
from learning.training.reward_model import ENCODER, HEAD, Reading, RewardModel, hash_of, open_encoder
from learning.training.reward_surface import SURFACE
from learning.training.reward_terms import Bounds
from storage.errors import ModelError

QUESTION = "how do i sort a list and keep the order of items that are the same in python code"
ANSWERS = [
    "use sorted on the list it works because the sort is stable and keeps the order",
    "never mind this is bad",
    QUESTION,
    "yes",
    "",
]


def model_of(encoder: Path, **named: object) -> RewardModel:
    return RewardModel(open_encoder(encoder), **{"reading": Reading(longest_tokens=64), **named})  # type: ignore[arg-type]


def headed(encoder: Path, **reading: object) -> RewardModel:
    rng = np.random.default_rng(0)
    count = 2 * 32 + 2 + (len(SURFACE) if reading.get("surface") else 0)
    head = Head(mean=rng.normal(size=count), spread=np.ones(count), weight=rng.normal(size=count))
    return model_of(
        encoder,
        reading=Reading(longest_tokens=64, **reading),  # type: ignore[arg-type]
        head=head,
        calibration=Calibration(centre=0.2, slope=0.7),
        seen=frozenset({"b" * 16, "a" * 16}),
    )


def about(encoder: Path) -> dict[str, str]:
    return {"encoder": str(encoder), "encoder_sha256": hash_of(encoder)}


def test_rewards_are_bounded_one_a_pair_and_made_of_network_and_terms(encoder: Path) -> None:
    found = headed(encoder).explain([QUESTION] * len(ANSWERS), ANSWERS)
    assert all(-1 <= one.reward <= 1 for one in found)
    for one in found:
        assert one.reward == pytest.approx(max(-1, min(1, one.network + one.terms.total)))
    assert found[2].terms.overlap == -Bounds().overlap


@pytest.mark.parametrize("place", ["head", "calibration"])
def test_a_reward_that_is_no_number_is_refused_and_not_taken_for_the_worst(encoder: Path, place: str) -> None:
    model = headed(encoder)
    if place == "head":
        assert model.head is not None
        model.head.weight[0] = np.nan
    else:
        model.calibration = Calibration(centre=float("nan"))
    with pytest.raises(ModelError, match="not finite"):
        model.score([QUESTION], ANSWERS[:1])


def test_an_answer_that_never_ended_scores_less(encoder: Path) -> None:
    model = headed(encoder)
    ended, cut = (model.score([QUESTION], ANSWERS[:1], [done])[0] for done in (True, False))
    assert cut == pytest.approx(max(-1.0, ended - Bounds().no_end))


def test_the_untrained_encoder_scores_by_its_cosine_so_that_the_echo_is_nearest(encoder: Path) -> None:
    raw = RewardModel.untrained(str(encoder)).raw([QUESTION] * 3, ANSWERS[:3])
    assert raw[2] == pytest.approx(1, abs=1e-5) and (raw <= 1 + 1e-5).all()


def test_with_an_answer_prefix_the_echo_is_not_the_question_itself(encoder: Path) -> None:
    model = model_of(encoder, reading=Reading(longest_tokens=64, answer_prefix="answer "))
    assert model.raw([QUESTION], [QUESTION])[0] < 0.999


def test_dot_products_keep_the_vectors_lengths(encoder: Path) -> None:
    model = model_of(encoder, reading=Reading(similarity="dot", longest_tokens=64))
    lengths = np.linalg.norm(model.embed(ANSWERS[:4]), axis=1)
    assert lengths.std() > 1e-3
    assert np.allclose(np.linalg.norm(model_of(encoder).embed(ANSWERS[:4]), axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("surface", [True, False])
def test_what_is_saved_scores_the_same_when_it_is_loaded(
    encoder: Path, tmp_path: Path, surface: bool
) -> None:
    model = headed(encoder, surface=surface)
    model.save(tmp_path / "model", about(encoder), with_encoder=False)
    again = RewardModel.load(tmp_path / "model")
    asked = [QUESTION] * len(ANSWERS)
    assert again.score(asked, ANSWERS) == pytest.approx(model.score(asked, ANSWERS), abs=1e-6)
    assert (again.seen, again.reading, again.bounds) == (model.seen, model.reading, model.bounds)


def test_a_head_of_other_counts_than_this_versions_is_refused(
    encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    headed(encoder, surface=True).save(tmp_path / "model", about(encoder), with_encoder=False)
    monkeypatch.setattr(reward_model, "SURFACE", (*SURFACE, "emoji"))
    with pytest.raises(ModelError, match="counts other things"):
        RewardModel.load(tmp_path / "model")


def test_an_encoder_that_goes_with_the_model_is_loaded_from_its_folder(encoder: Path, tmp_path: Path) -> None:
    model = headed(encoder)
    model.save(tmp_path / "model", {"encoder": "nobody/nowhere", "encoder_sha256": ""}, with_encoder=True)
    again = RewardModel.load(tmp_path / "model")
    assert again.score([QUESTION], ANSWERS[:1]) == pytest.approx(
        model.score([QUESTION], ANSWERS[:1]), abs=1e-6
    )
    assert not list((tmp_path / "model").rglob("*.bin"))


def test_an_encoder_that_a_reward_model_tuned_knows_the_questions_that_it_saw(
    encoder: Path, tmp_path: Path
) -> None:
    model = headed(encoder)
    model.save(tmp_path / "model", about(encoder), with_encoder=True)
    own = str(tmp_path / "model" / ENCODER)
    assert RewardModel.untrained(own).seen == model.seen
    assert RewardModel.untrained(str(encoder)).seen == frozenset()


@pytest.mark.parametrize("name", [HEAD, "seen.txt", f"{ENCODER}/model.safetensors"])
def test_one_byte_changed_and_the_model_is_refused(encoder: Path, tmp_path: Path, name: str) -> None:
    headed(encoder).save(tmp_path / "model", about(encoder), with_encoder=True)
    file = tmp_path / "model" / name
    found = bytearray(file.read_bytes())
    found[-1] ^= 1
    file.write_bytes(bytes(found))
    with pytest.raises(ModelError, match=r"damaged .its hash has changed"):
        RewardModel.load(tmp_path / "model")


def test_another_encoder_than_that_of_the_training_is_refused(encoder: Path, tmp_path: Path) -> None:
    headed(encoder).save(tmp_path / "model", {**about(encoder), "encoder_sha256": "0"}, with_encoder=False)
    with pytest.raises(ModelError, match="its hash differs"):
        RewardModel.load(tmp_path / "model")


def test_a_folder_without_a_reward_model_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="thumbprint train reward"):
        RewardModel.load(tmp_path)


def test_the_manifest_tells_hashes_bounds_and_how_texts_are_read(encoder: Path, tmp_path: Path) -> None:
    headed(encoder).save(tmp_path / "model", about(encoder), with_encoder=False)
    manifest = json.loads((tmp_path / "model" / "manifest.json").read_text())
    assert set(manifest["files"]) == {HEAD, "seen.txt"}
    assert manifest["bounds"] == dataclasses.asdict(Bounds())
    assert manifest["reading"]["similarity"] == "cosine"


def test_as_many_questions_as_answers_are_needed_and_none_gives_none(encoder: Path) -> None:
    model = headed(encoder)
    assert model.score([], []) == []
    with pytest.raises(ValueError, match="2 questions and 1 answers"):
        model.score([QUESTION] * 2, ANSWERS[:1])
