"""Bad input: each case has its one clear outcome, and nothing is lost. `docs/bad-input.md` lists the same."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest

from tests.integration import bad_input as bad
from tests.integration import bad_machine as machine
from tests.integration import test_crash, test_outage
from tests.integration.bad_input import Case
from tests.integration.real_model import RealModel
from tests.integration.test_crash import Loop, loop

__all__ = ["loop"]
pytestmark = pytest.mark.slow
DOCUMENT = bad.ROOT / "docs" / "bad-input.md"


@pytest.fixture(scope="module")
def real_model(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealModel]:
    made = RealModel(tmp_path_factory.mktemp("model"))
    yield made
    made.kill()


@pytest.fixture
def model(request: pytest.FixtureRequest, loop: Loop) -> RealModel | None:
    """The real model, in the place of the stand-in, for the cases that are about it."""
    case: Case = request.getfixturevalue("case")
    if not case.real_model:
        return None
    real: RealModel = request.getfixturevalue("real_model")
    real.wait()
    loop.model.url = real.url
    return real


CASES = (
    Case("missing signature", "401, nothing kept", bad.no_signature),
    Case("wrong signature", "401, nothing kept", bad.wrong_signature),
    Case("signed, but no delivery id or event of GitHub's form", "400, nothing kept", bad.malformed_names),
    Case("no secret configured", "the receiver does not start; it names the setting", machine.no_secret),
    Case("body over the cap", "413, nothing kept", bad.too_large),
    Case("broken JSON", "400, nothing kept", bad.broken_json),
    Case("unknown event", "202 and ignored", bad.unknown_event),
    Case("empty question", "one comment that shows how to ask; the model is not asked", bad.empty_question),
    Case(
        "command by somebody who may not",
        "one comment, one sentence that says who may; nothing changes",
        bad.command_of_a_stranger,
    ),
    Case("question that begins with a command's word", "answered once, as a question", bad.command_and_more),
    Case(
        "repository's file with an unknown key",
        "answered once, with a sentence that names line and remedy; the other keys hold",
        bad.wrong_key_in_a_file,
    ),
    Case(
        "repository's file that is no YAML",
        "answered once, with a sentence that says so; the server's settings hold",
        bad.file_that_is_none,
    ),
    Case(
        "question of 60,000 characters",
        "kept whole, cut to fit the prompt, answered once",
        bad.huge_question,
        real_model=True,
    ),
    Case("question in another script", "kept letter by letter, answered once", bad.another_script, True),
    Case(
        "thread of 500 comments",
        "read whole; the issue and the newest comments fit the prompt; answered once",
        bad.huge_thread,
    ),
    Case("comment deleted while answering", "no comment; the answer is cancelled", bad.deleted_meanwhile),
    Case(
        "repository renamed while answering",
        "answered once, under the new name",
        bad.renamed_meanwhile,
    ),
    Case(
        "policy file corrupted",
        "the model server does not start and names the file",
        machine.policy_damaged,
    ),
    Case(
        "encoder file corrupted",
        "the model server does not start and names the file",
        machine.encoder_damaged,
    ),
    Case(
        "model server killed",
        "retried until it is back, answered once",
        machine.model_back,
        True,
    ),
    Case("model server down for good", "😕 and one sentence that says how to retry", machine.model_gone),
    Case(
        "database locked",
        "503 and a failed delivery; redelivered, it is answered once",
        machine.database_locked,
    ),
    Case(
        "database full",
        "503 and a failed delivery; redelivered, it is answered once",
        machine.database_full,
    ),
    Case(
        "database locked under the worker",
        "said in its log; waited out, answered once",
        machine.worker_locked_out,
    ),
    Case(
        "database full under the worker",
        "said in its log; once there is room, at the latest after a restart, answered once",
        machine.worker_without_room,
    ),
    Case(
        "GitHub away for longer than all patience",
        "once it is back, after restarts too, 😕 and one sentence; edits are learned",
        test_outage.test_after_an_outage_longer_than_all_patience_the_asker_is_told_and_the_edit_is_learned,
    ),
    Case(
        "two servers on one database file",
        "the second receiver and the second worker do not start and name the first",
        machine.two_servers,
    ),
    Case(
        "kill -9 of the worker between generating and posting",
        "one comment after the restart",
        test_crash.test_killed_between_generating_and_posting,
    ),
    Case(
        "kill -9 after GitHub took the comment",
        "the same comment is found, none is added",
        test_crash.test_killed_after_github_kept_the_comment_and_before_it_said_so,
    ),
    Case(
        "asked while no worker runs",
        "answered once when one starts",
        test_crash.test_asked_while_no_worker_ran,
    ),
)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_bad_input_has_one_clear_outcome(case: Case, loop: Loop, model: RealModel | None) -> None:
    case.check(loop, *([model] if case.real_model else []))


def test_the_document_lists_every_case_with_its_outcome() -> None:
    rows = re.findall(r"^\| (.+?) \| (.+?) \|$", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    assert rows[2:] == [(case.name, case.outcome) for case in CASES]
