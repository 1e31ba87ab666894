from pathlib import Path

import numpy as np
import pytest

from learning.intervals import Interval
from learning.models import hub
from learning.models.encoder import Encoder
from learning.training.judged_data import Contest
from learning.training.metric_study import Line, Report, main, markdown, values

SAME = Contest(
    question="How do I sort a list?",
    reference="Call sorted on the list.",
    better="Call sorted on the list.",
    worse="Bananas grow in warm countries.",
    ratings=(3.0, 0.0),
)


def test_the_table_says_value_and_interval_and_leaves_out_what_was_not_rated() -> None:
    half = Interval(value=0.5, low=0.4, high=0.625, groups=7)
    line = Line(metric="BLEU", agreement=half, with_rating=None, with_reward=half)
    said = markdown(
        Report(data="x", encoder="packaged", contests=1234, questions=7, lines=(line,))
    ).splitlines()
    assert said[0].startswith("x: 1,234 contests of 7 questions")
    assert said[-1] == "| BLEU | 50.0 [40.0, 62.5] |  | 0.50 [0.40, 0.62] |"


def test_a_folder_that_is_not_there_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data", str(tmp_path / "none"), "--encoder", str(tmp_path)]) == 1
    assert capsys.readouterr().err.startswith("✗ ")


@pytest.mark.slow
def test_with_the_packaged_encoder_every_metric_finds_the_reference_itself() -> None:
    encoder = Encoder(hub.resolve("packaged", "encoder", Path("~/.cache/thumbprint")))
    found = values([SAME], encoder)
    for name in ("ROUGE-1", "ROUGE-2", "ROUGE-L", "BLEU", "BERTScore"):
        better, worse = found[name][0]
        assert better == pytest.approx(1.0, abs=1e-5)
        assert worse < 0.5
    assert found["cosine"][0][0] > found["cosine"][0][1]
    assert found["words"] == [(5.0, 5.0)]
    assert found["distinct-2"] == [(1.0, 1.0)]


@pytest.mark.slow
def test_a_text_s_tokens_are_its_own_whatever_stands_beside_it() -> None:
    encoder = Encoder(hub.resolve("packaged", "encoder", Path("~/.cache/thumbprint")))
    texts = ["sort a list", "", "How do I sort a long list of pairs by their second part?"]
    ((whole, tokens), (_, nothing), _) = encoder.embed_tokens(texts)
    ((_, alone),) = encoder.embed_tokens(["sort a list"])
    assert tokens.shape == (3, 384)
    assert nothing.shape == (0, 384)
    assert tokens == pytest.approx(alone, abs=1e-4)
    assert np.linalg.norm(tokens, axis=1) == pytest.approx(np.ones(3), abs=1e-5)
    assert whole == pytest.approx(np.array(encoder.embed(["sort a list"])[0]), abs=1e-4)
