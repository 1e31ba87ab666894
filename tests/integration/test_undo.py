"""What is undone on a page or on the command line is undone in the thread: in the same comment, by a job."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from bot.cli import app as command_line
from bot.feedback import refresh
from bot.ports import free_port
from bot.reply import answer_text
from tests.integration.answered import FIXED, MAINTAINER, Bench, working
from tests.integration.playground_fixture import playground_at
from webhooks.app import create_app
from webhooks.drills.world import served, wait_until

pytestmark = pytest.mark.slow

PATIENCE_S = 30.0


class House(Bench):
    """The bench with the real receiver, pages and worker on it: nothing is delivered by hand."""

    url: str

    def phrase_id(self) -> str:
        """The id of the correction that was learned."""
        with self.database.unit(read_only=True) as unit:
            held = unit.phrases.weights(self.answer.question.repository_id)
        (found,) = [one.phrase.id for one in held if one.phrase.right and one.active]
        return found

    def correct(self, before: str = "npm test` in", after: str = "make check` in") -> None:
        """Edit the answer as a maintainer, and wait until its comment says what that taught."""
        self.playground.edit(MAINTAINER, self.comment, self.comment.body.replace(before, after))
        self.wait_for("Learned from")

    def thumbs(self) -> list[str]:
        """Whose 👍 the answer has."""
        given = self.playground.state.reactions_to(self.comment)
        return [one.login for one in given if one.content == "+1"]

    def wait_for(self, words: str) -> None:
        wait_until(lambda: words in self.comment.body, PATIENCE_S, f"the comment does not say {words!r}")


@pytest.fixture
def house(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    port = free_port()
    with playground_at(tmp_path / "playground", f"http://127.0.0.1:{port}") as playground:
        made = House(playground, tmp_path / "home")
        made.url = playground.base_url
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("THUMBPRINT_HOME", str(tmp_path / "home"))
        with served(create_app(made.context.settings), port), working(made.context):
            yield made
        made.github.close()
        made.database.dispose()


def test_undo_in_the_panel_is_said_in_the_comment_and_may_be_taught_again(house: House) -> None:
    house.playground.react("ben-okafor", house.comment, "+1")
    house.correct()
    bot = house.playground.state.bot.login
    wait_until(lambda: house.thumbs() == ["ben-okafor", bot], PATIENCE_S, "what was learned gets no 👍")
    answer = httpx.post(f"{house.url}/playground/phrases/{house.phrase_id()}/forget", trust_env=False)
    assert answer.status_code == 200
    house.wait_for("Undone: write `make check`, not `npm test`")
    assert "Learned from" not in house.comment.body and answer_text(house.comment.body) == FIXED
    assert not any(active for *_, active in house.corrections())
    wait_until(lambda: house.thumbs() == ["ben-okafor"], PATIENCE_S, "the 👍 for what was undone stays")
    house.playground.edit(
        MAINTAINER, house.comment, house.comment.body.replace("make check` in", "npm test` in")
    )
    house.wait_for("Taken back by")
    house.correct()
    assert "Undone" not in house.comment.body and len(house.playground.answers(1)) == 1
    wait_until(lambda: house.thumbs() == ["ben-okafor", bot], PATIENCE_S, "learned anew gets no 👍")


def test_undo_on_the_command_line_is_said_too(house: House) -> None:
    house.correct()
    done = CliRunner().invoke(command_line, ["phrases", "forget", house.phrase_id()])
    assert done.exit_code == 0, done.output
    house.wait_for("Undone: write")
    assert "Learned from" not in house.comment.body


def test_undo_while_learning_is_frozen_is_said_too(house: House) -> None:
    house.correct()
    name = house.answer.question.full_name
    assert CliRunner().invoke(command_line, ["phrases", "freeze", "--repo", name]).exit_code == 0
    page = httpx.get(f"{house.playground.app_url}/memory/{house.playground.repository().id}", trust_env=False)
    key = re.search(r'name="form" value="(\w+)"', page.text)
    assert key is not None
    form = {"form": key[1], "phrase_id": house.phrase_id()}
    forgotten = httpx.post(f"{page.url}/forget", data=form, trust_env=False)
    assert forgotten.status_code == 303
    house.wait_for("Undone: write")


def test_a_comment_that_says_it_already_is_not_edited_again(house: House) -> None:
    house.correct()
    httpx.post(f"{house.url}/playground/phrases/{house.phrase_id()}/forget", trust_env=False)
    house.wait_for("Undone: write")
    body, edits = house.comment.body, len(house.comment.revisions)
    refresh(house.context, house.answer.id)
    assert (house.comment.body, len(house.comment.revisions)) == (body, edits)


def test_a_comment_that_is_gone_is_left_alone(house: House) -> None:
    house.correct()
    house.playground.delete(MAINTAINER, house.comment)
    refresh(house.context, house.answer.id)
    assert house.playground.answers(1) == []
