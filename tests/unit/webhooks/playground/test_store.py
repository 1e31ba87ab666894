"""What happened is kept whole or not at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from storage.errors import SetupError
from webhooks.playground import acts, credentials, people, seed
from webhooks.playground.refusals import Refused
from webhooks.playground.state import State
from webhooks.playground.store import Store
from webhooks.playground.things import Person


def test_a_transaction_that_fails_leaves_nothing(tmp_path: Path) -> None:
    store = Store(tmp_path)
    kept = Person(id=1, login="a", name="A")
    with store.transaction():
        store.put("person", "a", kept)
    with pytest.raises(RuntimeError), store.transaction():
        store.put("person", "b", Person(id=2, login="b", name="B"))
        raise RuntimeError
    store.close()
    again = Store(tmp_path)
    assert list(again.all("person", Person)) == [kept]
    again.close()


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("in the way")
    with pytest.raises(SetupError, match="--home"):
        Store(blocked)


@pytest.fixture
def state(tmp_path: Path) -> State:
    made = State(None, credentials.ensure(tmp_path), "http://127.0.0.1:1")
    seed.plant(made)
    return made


def test_seeding_sends_nothing_and_happens_once(state: State) -> None:
    before = (len(state.posts), len(state.repositories))
    seed.plant(state)
    assert before == (len(state.posts), len(state.repositories))
    assert [len(state.issues(r.id)) for r in state.repositories.values()] == [3, 1]
    assert state.pending() == []


def test_an_unchanged_edit_is_no_edit(state: State) -> None:
    issue = state.issues(state.repository("paperboat/inkwell").id)[0]
    said = acts.say(state, people.CONTRIBUTOR, issue, "same")
    acts.edit(state, people.CONTRIBUTOR, said, "same")
    assert (len(said.revisions), len(state.pending())) == (1, 1)


def test_kinds_of_comments_have_id_spaces_of_their_own(state: State) -> None:
    repository = state.repository("paperboat/inkwell")
    pull = acts.open_issue(state, people.MAINTAINER, repository, "A change", is_pull=True)
    inline = acts.say(state, people.CONTRIBUTOR, pull, "x", "review_comment", path="a.py")
    plain = state.comment(repository.id, inline.id)
    assert plain is not inline
    assert plain.node_id != inline.node_id


def test_strangers_read_what_is_public_and_nothing_else(state: State) -> None:
    with state.change():
        private = seed.add_repository(state, 7, "secret", private=True)
    assert state.role(private, people.STRANGER) == "none"
    with pytest.raises(Refused) as refused:
        acts.open_issue(state, people.STRANGER, private, "Let me in")
    assert refused.value.status == 404
