"""Questions in other words: the question's side only, flagged, in the same part of the data."""

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from transformers import T5Config, T5ForConditionalGeneration

from learning import prompt
from learning.training import paraphrase
from learning.training.paraphrase import Paraphraser, reworded
from learning.training.rows import Source
from storage.errors import ModelError
from tests.unit.learning.models.tiny import write_model, write_tokenizer
from tests.unit.learning.training.demonstrations import demonstration


def louder(texts: Sequence[str], count: int, seed: int) -> list[list[str]]:
    return [[f"{text.upper()} {number}" for number in range(count - 1)] + [text] for text in texts]


def test_only_the_question_changes_and_the_row_is_flagged_and_keeps_its_group() -> None:
    row = demonstration(4)
    (made,) = reworded([row], louder, 2, 0)
    assert made.prompt == prompt.build("WHAT IS 4? 0", "")
    assert made.completion == row.completion
    assert made.origin.is_paraphrased
    assert not row.origin.is_paraphrased
    assert (made.origin.group, made.origin.split) == (row.origin.group, row.origin.split)


def test_rewordings_that_are_empty_the_same_or_twice_the_same_are_left_out() -> None:
    def same(texts: Sequence[str], count: int, seed: int) -> list[list[str]]:
        return [["", "what is  4?", "Which is four?", "Which is  four?"] for _ in texts]

    assert [row.prompt for row in reworded([demonstration(4)], same, 4, 0)] == [
        prompt.build("Which is four?", "")
    ]


def test_a_question_under_a_thread_lessons_or_examples_stays_alone() -> None:
    lessons = demonstration(2, prompt=prompt.build("Why?", "", ("Use `x`.",)))
    example = prompt.Example(question="q", text="a")
    rows = [
        demonstration(1, prompt=prompt.build("Why?", "bob: it fails")),
        replace(lessons, origin=replace(lessons.origin, source=Source.EDIT)),
        demonstration(3, prompt=prompt.build("Why?", "", (), (example,))),
    ]
    assert reworded(rows, louder, 2, 0) == []


def test_a_t5_on_disk_rewords_and_the_seed_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(paraphrase, "LONGEST", 12)
    torch.manual_seed(0)
    sizes = {"d_model": 16, "d_kv": 4, "d_ff": 16, "num_layers": 1, "num_heads": 2, "vocab_size": 260}
    config = T5Config(**sizes, decoder_start_token_id=0, pad_token_id=0, eos_token_id=2)
    T5ForConditionalGeneration(config).save_pretrained(str(tmp_path))
    write_tokenizer(tmp_path)
    file = tmp_path / "tokenizer_config.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "pad_token": "<|endoftext|>"}))
    words = Paraphraser(tmp_path)
    first = words(["How?", "Why is that so?"], 2, 3)
    assert [len(each) for each in first] == [2, 2]
    assert first == words(["How?", "Why is that so?"], 2, 3)
    assert first != words(["How?", "Why is that so?"], 2, 4)


def test_another_paraphraser_under_the_same_name_has_another_name_in_a_manifest(tmp_path: Path) -> None:
    names = []
    for words in (b"one", b"two", b"one"):
        (tmp_path / "model.safetensors").write_bytes(words)
        names.append(paraphrase.named(tmp_path))
    assert names[0] == names[2] != names[1]
    assert all(name.startswith(f"{tmp_path.name} ") for name in names)


def test_a_folder_that_is_no_t5_is_refused_with_what_it_is(tmp_path: Path) -> None:
    llama = write_model(tmp_path / "llama")
    with pytest.raises(ModelError, match=r"holds no T5 that could paraphrase \(it holds llama"):
        Paraphraser(llama)
    with pytest.raises(ModelError, match="it holds no model"):
        Paraphraser(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "t5"}')
    with pytest.raises(ModelError, match="holds no T5"):
        Paraphraser(tmp_path)
    (tmp_path / "model.safetensors").write_bytes(b"half")
    with pytest.raises(ModelError, match="damaged or incomplete"):
        Paraphraser(tmp_path)
