"""The database becomes snapshots: of who opted in, by scope, and the same bytes for the same database."""

from __future__ import annotations

import json
import random
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import repeat
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot import lessons
from bot.cli import app
from bot.forgetting import forget_user
from bot.leftovers import clear
from bot.queue import Queue
from learning.prompt import TEMPLATE, build
from learning.training import hygiene, snapshot
from learning.training.export import Exported, export
from learning.training.rows import Rows
from learning.training.snapshot import Snapshot, read
from storage import tables
from storage.audits import FORGOT_USER
from storage.database import Database, UnitOfWork
from storage.errors import ConfigurationError, DataError
from storage.records import (
    Actor,
    Audit,
    Candidate,
    Configuration,
    Feedback,
    FeedbackKind,
    Generation,
    Learning,
    Permission,
    PostKind,
    Prompt,
    Question,
    Reaction,
    Repository,
)
from tests.unit.storage.things import ASKER, NOW, WRITER, feedback, posted

PUBLIC = Repository(id=1, full_name="octo/inkwell", installation_id=2)
SECOND = Repository(id=5, full_name="octo/second", installation_id=2)
FOREIGN = Repository(id=6, full_name="hexa/foreign", installation_id=4)
PRIVATE = Repository(id=3, full_name="octo/vault", installation_id=2, private=True)
SILENT = Repository(id=4, full_name="octo/no-thanks", installation_id=2)
ALL = (PUBLIC, SECOND, FOREIGN, PRIVATE, SILENT)
OPTED_IN = ALL[:4]
THREADS = range(1, 13)
Write = Callable[[UnitOfWork], object]


def asked(repository: Repository, number: int) -> Question:
    return Question(
        repository_id=repository.id,
        full_name=repository.full_name,
        installation_id=repository.installation_id,
        number=number,
        post_id=repository.id * 1000 + number,
        post_kind=PostKind.COMMENT,
        asker=ASKER,
        text=f"In {repository.full_name}, what does part {number * 31 + repository.id * 1009} "
        f"want from step {number * 17 + repository.id * 2003}?",
        asked_at=NOW,
    )


def text(repository: Repository, number: int) -> str:
    return f"Run `npm run step-{number}` in {repository.full_name}, then open `config/{number}.toml` there."


def writes(repository: Repository, number: int) -> list[Write]:
    """An answer of one thread with all that led to it, one row a call."""
    question = asked(repository, number)
    name = question.answer_id
    prompt = Prompt(
        id=f"p-{name}",
        answer_id=name,
        attempt=0,
        template=TEMPLATE,
        messages=build(question.text, ""),
        phrase_ids=(),
        tokens=9,
    )
    made = Generation(
        id=f"g-{name}",
        prompt_id=prompt.id,
        model="base",
        seed=1,
        temperature=0.7,
        top_p=0.9,
        max_tokens=99,
        n=1,
    )
    wrote = Candidate(
        id=f"c-{name}",
        generation_id=made.id,
        index=0,
        text=text(repository, number),
        tokens=9,
        logprob=-1.0,
        finish_reason="stop",
    )
    answer = posted(
        question,
        comment_id=question.post_id,
        text=text(repository, number),
        candidate_id=wrote.id,
        repairs=(),
        phrase_ids=(),
    )
    return [
        lambda unit: unit.answers.save(answer),
        lambda unit: unit.answers.add_prompt(prompt),
        lambda unit: unit.answers.add_generation(made),
        lambda unit: unit.answers.add_candidates([wrote]),
    ]


def edit(repository: Repository, number: int, **changes: object) -> Feedback:
    before = text(repository, number)
    made = feedback(
        f"e-{repository.id}-{number}",
        repository_id=repository.id,
        answer_id=asked(repository, number).answer_id,
        kind=FeedbackKind.EDIT,
        reaction=None,
        before=before,
        after=before.replace("npm run", "make"),
        at=NOW + timedelta(minutes=number),
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def thumb(repository: Repository, number: int, which: Reaction = Reaction.MINUS_ONE) -> Feedback:
    return feedback(
        f"t-{repository.id}-{number}",
        repository_id=repository.id,
        answer_id=asked(repository, number).answer_id,
        actor=Actor(id=9, login="ida"),
        permission=Permission.MAINTAIN,
        reaction=which,
        at=NOW + timedelta(hours=1),
    )


def events(repository: Repository) -> list[Feedback]:
    return [
        edit(repository, n)
        if n % 2
        else thumb(repository, n, Reaction.PLUS_ONE if n % 4 else Reaction.MINUS_ONE)
        for n in THREADS
    ]


def chosen(repository: Repository, training: bool) -> Configuration:
    return Configuration(
        repository_id=repository.id,
        installation_id=repository.installation_id,
        words=("/ask",),
        mention=True,
        training=training,
        as_of=NOW,
    )


def filled(url: str, seed: int | None = None, opted_in: Sequence[Repository] = OPTED_IN) -> Database:
    """A database with five repositories; `seed` inserts every row in another order."""
    database = Database(url)
    database.migrate()
    rows: list[Write] = [write for one in ALL for n in THREADS for write in writes(one, n)]
    told: list[Write] = [
        lambda unit, one=event: unit.feedback.append(one) for one in ALL for event in events(one)
    ]
    rows += [lambda unit, one=one: unit.configurations.keep(chosen(one, one in opted_in)) for one in ALL]
    rows += told
    if seed is not None:
        random.Random(seed).shuffle(rows)
    with database.unit() as unit:
        for one in ALL:
            unit.repositories.upsert(one)
        for write in rows:
            write(unit)
        unit.commit()
    return database


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    made = filled(f"sqlite:///{tmp_path}/thumbprint.db")
    yield made
    made.dispose()


def by_scope(made: Sequence[Exported]) -> dict[str, Exported]:
    return {one.scope.name: one for one in made}


def origins(rows: Rows) -> set[int]:
    every = (*rows.pairs, *rows.judged, *rows.demonstrations, *rows.triplets)
    return {one.origin.repository_id for one in every}


def content(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.name != ".lock"
    }


def test_each_repository_is_in_its_scope_and_in_no_other(database: Database, tmp_path: Path) -> None:
    made = by_scope(export(database, tmp_path / "out"))
    assert {name: origins(one.snapshot.rows) for name, one in made.items()} == {
        "shared": {PUBLIC.id, SECOND.id, FOREIGN.id},
        "account-2": {PUBLIC.id, SECOND.id},
        "account-4": {FOREIGN.id},
        f"repository-{PRIVATE.id}": {PRIVATE.id},
    }
    for name, one in made.items():
        whole = b"".join(content(one.snapshot.folder).values())
        assert (b"octo/vault" in whole) is (name == f"repository-{PRIVATE.id}")
        assert b"octo/no-thanks" not in whole


def test_an_account_of_one_public_repository_has_its_own_whole_scope(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The cap that keeps one repository from outweighing others is for the shared one alone."""
    monkeypatch.setattr(hygiene, "PER_REPOSITORY", 2)
    made = by_scope(export(database, tmp_path / "out"))
    own = {
        name: [one for one in each.snapshot.rows.demonstrations if one.origin.repository_id == FOREIGN.id]
        for name, each in made.items()
    }
    assert len(own["shared"]) == 2
    assert len(own["account-4"]) > 2


@pytest.mark.parametrize("last", [(PUBLIC, SECOND), (FOREIGN,)], ids=["several repositories", "one"])
def test_an_account_that_shares_with_nobody_has_the_shared_scope_and_no_second_one(
    tmp_path: Path, last: Sequence[Repository]
) -> None:
    database = filled(f"sqlite:///{tmp_path}/thumbprint.db", opted_in=(*last, PRIVATE))
    try:
        made = export(database, tmp_path / "out")
    finally:
        database.dispose()
    assert {one.scope.name: {each.id for each in one.scope.repositories} for one in made} == {
        "shared": {one.id for one in last},
        f"repository-{PRIVATE.id}": {PRIVATE.id},
    }


def test_an_account_whose_one_repository_turned_private_has_no_scope_but_that_repository_s(
    database: Database, tmp_path: Path
) -> None:
    third = replace(FOREIGN, id=8, full_name="trio/third", installation_id=9)
    change(database, lambda unit: unit.repositories.upsert(third))
    change(database, lambda unit: unit.configurations.keep(chosen(third, True)))
    change(database, lambda unit: unit.repositories.set_private(FOREIGN.id))
    wanted = {"shared", "account-2", "account-9", f"repository-{PRIVATE.id}", f"repository-{FOREIGN.id}"}
    change(database, lambda unit: unit.configurations.keep(chosen(FOREIGN, True)))
    assert set(by_scope(export(database, tmp_path / "out"))) == wanted


def test_a_snapshot_says_who_consented_to_what(database: Database, tmp_path: Path) -> None:
    manifest = by_scope(export(database, tmp_path / "out"))["shared"].snapshot.manifest
    assert manifest["about"]["consent"] == [
        {"repository_id": one.id, "private": False, "training": True} for one in (PUBLIC, SECOND, FOREIGN)
    ]
    assert manifest["about"]["template"] == TEMPLATE
    assert manifest["templates"] == [TEMPLATE]
    assert {source for parts in manifest["counts"]["preference"].values() for source in parts} == {"edit"}
    assert sum(sum(part.values()) for part in manifest["counts"]["preference"].values()) == 18


def test_the_same_database_exports_the_same_bytes_whatever_the_order_of_insertion(
    database: Database, tmp_path: Path
) -> None:
    export(database, tmp_path / "one")
    other = filled(f"sqlite:///{tmp_path}/other.db", seed=11)
    try:
        export(other, tmp_path / "two")
    finally:
        other.dispose()
    first = content(tmp_path / "one")
    assert len(first) > 20
    assert content(tmp_path / "two") == first


@pytest.mark.slow
def test_another_process_exports_the_same_bytes(database: Database, tmp_path: Path) -> None:
    export(database, tmp_path / "one")
    database.dispose()
    program = (
        "import sys; from pathlib import Path\n"
        "from learning.training.export import export\n"
        "from storage.database import Database\n"
        "export(Database(sys.argv[1]), Path(sys.argv[2]))"
    )
    subprocess.run(
        [sys.executable, "-c", program, f"sqlite:///{tmp_path}/thumbprint.db", str(tmp_path / "two")],
        check=True,
        cwd=Path(__file__).parents[2],
        env={"PYTHONHASHSEED": "77", "PATH": "/usr/bin:/bin"},
        timeout=300,
    )
    assert content(tmp_path / "two") == content(tmp_path / "one")


def change(database: Database, does: Write) -> None:
    with database.unit() as unit:
        does(unit)
        unit.commit()


def shared_after(database: Database, folder: Path) -> set[int]:
    made = by_scope(export(database, folder))
    return origins(made["shared"].snapshot.rows) if "shared" in made else set()


@pytest.mark.parametrize(
    "does",
    [
        lambda unit: unit.configurations.keep(chosen(PUBLIC, False)),
        lambda unit: unit.configurations.changed(PUBLIC.id),
        lambda unit: unit.repositories.set_private(PUBLIC.id),
        lambda unit: unit.repositories.lose([PUBLIC.id], PUBLIC.installation_id, NOW),
        lambda unit: unit.repositories.set_learning(PUBLIC.id, Learning.OFF),
    ],
    ids=["opted out", "file changed", "private", "removed", "learning off"],
)
def test_who_is_out_is_out_of_the_next_snapshot(database: Database, tmp_path: Path, does: Write) -> None:
    assert PUBLIC.id in shared_after(database, tmp_path / "before")
    change(database, does)
    assert shared_after(database, tmp_path / "after") == {SECOND.id, FOREIGN.id}


def test_a_retraction_is_gone_from_the_next_snapshot(database: Database, tmp_path: Path) -> None:
    back = replace(
        edit(PUBLIC, 1), id="back", kind=FeedbackKind.RETRACTION, retracts="e-1-1", before="", after=""
    )
    before = by_scope(export(database, tmp_path / "before"))["shared"].snapshot
    change(database, lambda unit: unit.feedback.append(back))
    after = by_scope(export(database, tmp_path / "after"))["shared"].snapshot
    assert set(before.rows.pairs) - set(after.rows.pairs) == {
        pair for pair in before.rows.pairs if pair.origin.group == "github/1/1"
    }
    assert not any(one.origin.group == "github/1/1" for one in after.rows.triplets)


def test_a_forgotten_lesson_is_gone_from_the_next_snapshot(database: Database, tmp_path: Path) -> None:
    with database.unit() as unit:
        lessons.replay(unit, PUBLIC.id, NOW)
        [phrase] = [
            one.phrase
            for one in unit.phrases.weights(PUBLIC.id)
            if one.event_ids == ("e-1-1",) and one.phrase.right
        ][:1] or [one.phrase for one in unit.phrases.weights(PUBLIC.id) if "e-1-1" in one.event_ids][:1]
        lessons.forget(unit, phrase.id, ASKER, NOW + timedelta(days=1))
        unit.commit()
    after = by_scope(export(database, tmp_path / "after"))["shared"].snapshot
    assert not any(one.origin.group == "github/1/1" for one in after.rows.pairs)


def test_what_a_frozen_repository_did_not_learn_trains_nothing(database: Database, tmp_path: Path) -> None:
    change(database, lambda unit: unit.repositories.set_learning(PUBLIC.id, Learning.FROZEN))
    assert shared_after(database, tmp_path / "nothing acted") == {SECOND.id, FOREIGN.id}
    change(database, lambda unit: unit.repositories.set_learning(PUBLIC.id, Learning.ON))
    change(database, lambda unit: lessons.replay(unit, PUBLIC.id, NOW))
    change(database, lambda unit: unit.repositories.set_learning(PUBLIC.id, Learning.FROZEN))
    assert PUBLIC.id in shared_after(database, tmp_path / "acted before")


def test_what_waits_for_its_people_to_be_asked_about_trains_nothing_yet(
    database: Database, tmp_path: Path
) -> None:
    here = tables.feedback.c.repository_id == PUBLIC.id
    waits = tables.feedback.update().where(here).values(pending=True)
    change(database, lambda unit: unit.connection.execute(waits))
    assert shared_after(database, tmp_path / "pending") == {SECOND.id, FOREIGN.id}
    with database.unit() as unit:
        for person in unit.feedback.to_ask_about()[PUBLIC.id]:
            unit.feedback.asked_about(PUBLIC.id, person.id, Permission.ADMIN)
        unit.commit()
    assert PUBLIC.id in shared_after(database, tmp_path / "asked about")


def test_a_forgotten_person_is_in_no_row_of_the_next_snapshot(database: Database, tmp_path: Path) -> None:
    queue = Queue(database)
    queue.migrate()
    try:
        with database.unit() as unit:
            forget_user(unit, queue, WRITER.id, NOW + timedelta(days=1))
            unit.commit()
    finally:
        queue.close()
    rows = by_scope(export(database, tmp_path / "after"))["shared"].snapshot.rows
    every = (*rows.pairs, *rows.judged, *rows.demonstrations, *rows.triplets)
    assert every and not rows.pairs
    assert all(one.origin.people == (9,) for one in every)


def meanwhile(database: Database, monkeypatch: pytest.MonkeyPatch, does: Iterable[Write]) -> None:
    """The next of these is done each time that an export has read its rows and is about to write some."""
    writes, left = snapshot.write, iter(does)

    def late(*args: Any, **more: Any) -> Snapshot:
        if (one := next(left, None)) is not None:
            change(database, one)
        return writes(*args, **more)

    monkeypatch.setattr(snapshot, "write", late)


def test_a_repository_that_leaves_under_an_export_is_not_in_it(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    meanwhile(database, monkeypatch, [lambda unit: unit.repositories.set_private(PUBLIC.id)])
    made = by_scope(export(database, tmp_path / "snapshots"))
    assert origins(made["shared"].snapshot.rows) == {SECOND.id, FOREIGN.id}
    kept = {file.parent for file in tmp_path.glob("snapshots/*/*/manifest.json")}
    assert kept == {one.snapshot.folder for one in made.values()}
    assert clear(database, tmp_path) == 0


def test_a_person_who_is_forgotten_under_an_export_is_not_in_it(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    queue = Queue(database)
    queue.migrate()
    forget = partial(forget_user, queue=queue, actor_id=WRITER.id, now=NOW + timedelta(days=1))
    meanwhile(database, monkeypatch, [forget])
    export(database, tmp_path / "snapshots")
    queue.close()
    kept = [read(file.parent).rows for file in tmp_path.glob("snapshots/*/*/manifest.json")]
    assert len(kept) == 4 and not any(rows.pairs for rows in kept)


def test_an_export_under_which_somebody_always_leaves_is_given_up_and_leaves_nothing(
    database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgot = Audit(at=NOW, act=FORGOT_USER)
    meanwhile(database, monkeypatch, repeat(lambda unit: unit.audits.add_now(forgot)))
    with pytest.raises(DataError, match="once more"):
        export(database, tmp_path / "snapshots")
    assert content(tmp_path / "snapshots") == {}


def test_prompts_of_another_template_are_left_out_and_counted(database: Database, tmp_path: Path) -> None:
    name = asked(PUBLIC, 1).answer_id
    old = Prompt(
        id=f"p-{name}",
        answer_id=name,
        attempt=0,
        template="t1",
        messages=build("Old?", ""),
        phrase_ids=(),
        tokens=1,
    )
    change(database, lambda unit: unit.answers.add_prompt(old))
    made = by_scope(export(database, tmp_path / "out"))["shared"].snapshot
    assert made.manifest["templates"] == [TEMPLATE]
    assert made.manifest["about"]["left_out"]["other_template"] == 2
    assert any(one.origin.group == "github/1/1" for one in made.rows.triplets)


def test_one_repository_alone(database: Database, tmp_path: Path) -> None:
    [one] = export(database, tmp_path / "out", PRIVATE)
    assert origins(one.snapshot.rows) == {PRIVATE.id}
    with pytest.raises(ConfigurationError, match="octo/no-thanks has not opted in"):
        export(database, tmp_path / "out", SILENT)


@pytest.fixture
def at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THUMBPRINT_HOME", str(tmp_path))
    monkeypatch.setenv("THUMBPRINT_DATABASE_URL", f"sqlite:///{tmp_path}/thumbprint.db")
    return tmp_path


def test_the_verb_prints_counts_and_ids_of_who_said_yes_lately(database: Database, at_home: Path) -> None:
    said = CliRunner().invoke(app, ["export"])  # no key here, and what was read is months old
    assert said.exit_code == 0 and "No repository has opted in, by what was read lately" in said.output
    for one in OPTED_IN:
        read = replace(chosen(one, True), as_of=datetime.now(UTC))
        change(database, lambda unit, read=read: unit.configurations.keep(read))
    done = CliRunner().invoke(app, ["export", "--out", str(at_home / "here")])
    assert done.exit_code == 0, done.output
    [folder] = (at_home / "here" / "shared").glob("s_*")
    assert folder.name in done.output
    counts = json.loads((folder / "manifest.json").read_text())["counts"]["preference"]["train"]
    assert f"edit {counts['edit']}" in done.output
    assert "octo/inkwell" in done.output


def test_the_verb_says_so_when_nobody_opted_in(at_home: Path) -> None:
    filled(f"sqlite:///{at_home}/thumbprint.db", opted_in=()).dispose()
    done = CliRunner().invoke(app, ["export"])
    assert done.exit_code == 0, done.output
    assert "No repository has opted in" in done.output and "training: true" in done.output
    assert not (at_home / "snapshots").exists()
