"""A night ends in a row that says what became of it, and promotes only what passed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from bot import night, night_ends, night_lock, promoting
from bot.leftovers import clear
from bot.night import Night, Wanted
from bot.night_recipe import recipe_of
from bot.settings import Settings
from learning.training import night_journal, snapshot
from learning.training.night_options import Recipe
from storage.audits import ERASED
from storage.database import Database
from storage.errors import ConfigurationError, DatabaseError, DataError, SetupError
from storage.records import Audit, Run, RunStatus
from tests.unit.bot.test_promoting import judged, made
from tests.unit.learning.training.nights import rows, write_data

DONE = {"counts": {"threads": {"train": 32}}, "sources": {"edit": 40}, "seconds": 1.0}
START = datetime(2026, 11, 22, 3, 0, tzinfo=UTC)


class Killed(BaseException):
    """As SIGKILL: nothing of the night's own is carried out any more."""


class Stage:
    """In place of the training process: writes what it would, says what it is told to."""

    def __init__(self, *, passed: bool = False, failed: str = "") -> None:
        self.passed, self.failed = passed, failed
        self.recipes: list[Recipe] = []

    def __call__(self, recipe: Recipe, lock: int, *, look: Callable[[], object]) -> str:
        self.recipes.append(recipe)
        look()
        if self.failed:
            return self.failed
        if recipe.until == "gate":
            verdict = {"passed": self.passed, "adapter": "a" * 64, "folder": "x", "reason": "It was judged."}
            night_journal.write(recipe.out / night_journal.VERDICT, verdict)
        return ""


class Bench:
    def __init__(self, home: Path) -> None:
        self.settings = Settings(
            _env_file=None,
            home=home,
            database_url=f"sqlite:///{home}/one.db",
            retrain_options="--least 20",
        )
        self.database = Database(self.settings.resolved_database_url)
        self.database.migrate()
        self.now = START

    def clock(self) -> datetime:
        self.now += timedelta(minutes=1)
        return self.now

    def night(self, training: Any, data: Path | None = None, **more: Any) -> list[Run]:
        wanted = Wanted(data=data, **more.pop("wanted", {}))
        made = Night(
            self.settings,
            self.database,
            wanted,
            clock=self.clock,
            training=training,
            evidence=lambda settings, recipe: settings.home / "memory.json",
            **more,
        )
        return made.carry_out()

    def runs(self) -> list[Run]:
        with self.database.unit(read_only=True) as unit:
            return unit.adapters.runs()


@pytest.fixture
def bench(tmp_path: Path) -> Any:
    made = Bench(tmp_path)
    yield made
    made.database.dispose()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return write_data(tmp_path / "given", 40)


def test_too_little_data_is_said_and_is_no_error(bench: Bench, tmp_path: Path) -> None:
    stage = Stage()
    [run] = bench.night(stage, write_data(tmp_path / "few", 3))
    assert run.status is RunStatus.SKIPPED
    assert "and 20 are needed: the night waits for more feedback" in run.reason
    assert bench.runs() == [run]
    assert stage.recipes == []


def test_each_account_with_enough_data_has_its_night_and_the_others_have_everybody_s(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = {"shared": 60, "account-2": 40, "account-4": 3}
    found = {
        scope: snapshot.write(rows(count), tmp_path / scope, about={"scope": scope})
        for scope, count in threads.items()
    }
    monkeypatch.setattr(night, "snapshots", lambda *given: found)
    runs = bench.night(Stage(passed=False))
    assert [(Path(run.folder).parent.name, run.snapshot) for run in runs] == [
        (scope, found[scope].id) for scope in ("shared", "account-2")
    ]


def test_where_nobody_opted_in_there_is_nothing_to_do(bench: Bench) -> None:
    [run] = bench.night(Stage())
    assert (run.status, run.reason) == (RunStatus.SKIPPED, night.NO_OPT_IN)


def test_what_the_gate_does_not_pass_is_kept_and_not_promoted(bench: Bench, data: Path) -> None:
    stage = Stage(passed=False)
    [run] = bench.night(stage, data)
    assert (run.status, run.reason, run.adapter) == (RunStatus.KEPT, "It was judged.", "a" * 64)
    assert bench.runs() == [run]
    assert [one.until for one in stage.recipes] == ["evaluate", "gate"]
    assert [one.memory for one in stage.recipes] == [None, bench.settings.home / "memory.json"]
    with bench.database.unit(read_only=True) as unit:
        assert unit.adapters.current() == [] and unit.adapters.all() == []
    assert "It was judged." in (Path(run.folder) / "report.md").read_text()


def test_a_reward_model_that_failed_its_gates_ends_the_night_without_evidence_or_promotion(
    bench: Bench, data: Path
) -> None:
    said = "The reward model trains nothing, for it failed a gate: it did."
    asked: list[str] = []

    def training(recipe: Recipe, lock: int, *, look: Callable[[], object]) -> str:
        asked.append(recipe.until)
        verdict = {"passed": False, "adapter": "", "folder": "", "reason": said}
        night_journal.write(recipe.out / night_journal.VERDICT, verdict)
        return ""

    met: list[str] = []
    [run] = bench.night(training, data, point=met.append)
    assert (run.status, run.reason, run.adapter) == (RunStatus.KEPT, said, "")
    assert asked == ["evaluate"] and "evidence" not in met
    with bench.database.unit(read_only=True) as unit:
        assert unit.adapters.current() == [] and unit.adapters.all() == []
    [again] = bench.night(training, data)
    assert again.status is RunStatus.SKIPPED and again.reason.endswith(said)
    assert asked == ["evaluate"]


def test_a_night_whose_options_are_another_versions_fails_in_words(bench: Bench, data: Path) -> None:
    def die(name: str) -> None:
        if name == "rowed":
            raise Killed

    with pytest.raises(Killed):
        bench.night(Stage(), data, point=die)
    begun = Path(bench.runs()[0].folder) / night_journal.BEGUN
    told = night_journal.read(begun)
    night_journal.write(begun, {**told, "flags": [*told["flags"], "--of-old", "3"]})
    [run] = bench.night(Stage(), data)
    assert run.status is RunStatus.FAILED
    assert run.reason.startswith("It was begun by another version of Thumbprint") and "--of-old" in run.reason
    [anew] = bench.night(Stage(), data)
    assert anew.status is RunStatus.KEPT


def test_a_night_goes_with_the_rows_that_it_learned_from_though_its_snapshot_is_gone(
    bench: Bench, tmp_path: Path
) -> None:
    """It says itself whose they are, and when they were read."""
    about = {"scope": "shared", "consent": [{"repository_id": 7, "private": False}]}
    data = snapshot.write(rows(40), tmp_path / "given", about=about, as_of=START).folder
    [run] = bench.night(Stage(), data)
    shutil.rmtree(data)
    for hour, gone in ((-1, False), (1, True)):
        audit = Audit(at=START + timedelta(hours=hour), act=ERASED, repository_id=7)
        with bench.database.unit() as unit:
            unit.audits.add(audit)
            unit.commit()
        assert clear(bench.database, bench.settings.home) == gone
        assert Path(run.folder).exists() is not gone


def test_a_failure_is_one_sentence_in_the_row_and_promotes_nothing(bench: Bench, data: Path) -> None:
    [run] = bench.night(Stage(failed="The disk is full: make room."), data)
    assert (run.status, run.reason) == (RunStatus.FAILED, "The disk is full: make room.")
    with bench.database.unit(read_only=True) as unit:
        assert unit.adapters.current() == []


SECRET = "the words of a row, and ghp_" + "a" * 36


@pytest.mark.parametrize("where", ["training", "snapshots"])
def test_an_error_that_nobody_foresaw_is_a_sentence_that_names_the_file_with_its_traceback(
    bench: Bench, data: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    def break_off(*given: object, **more: object) -> Any:
        raise OSError(5, SECRET)

    if where == "snapshots":
        monkeypatch.setattr(night, "snapshots", break_off)
    [run] = bench.night(break_off, data)
    assert run.status is RunStatus.FAILED and bench.runs() == [run]
    said, _, rest = run.reason.partition(": ")
    assert said == "The night broke with OSError, which nobody foresaw"
    file = Path(rest.removesuffix(" has the traceback."))
    told = file.read_text()
    assert "Traceback (most recent call last)" in told and "in break_off" in told
    assert "the words of a row" in told and "ghp_" not in told
    assert file.is_relative_to(bench.settings.home / "training")
    for one in (bench.settings.home / "training").rglob("report.md"):
        assert "the words of a row" not in one.read_text()


def test_a_failed_night_goes_on_in_its_folder_with_the_same_data(bench: Bench, data: Path) -> None:
    [failed] = bench.night(Stage(failed="The disk is full: make room."), data)
    [again] = bench.night(Stage(), data)
    assert again.id != failed.id and again.folder == failed.folder
    assert again.status is RunStatus.KEPT


def test_the_same_data_and_options_are_not_trained_on_twice(bench: Bench, data: Path) -> None:
    [first] = bench.night(Stage(), data)
    stage = Stage()
    [second] = bench.night(stage, data)
    assert stage.recipes == []
    assert second.status is RunStatus.SKIPPED and second.adapter == first.adapter
    assert second.reason.startswith("The data and the options are those of an earlier night")
    assert f"`{first.id}`" in (Path(first.folder) / "report.md").read_text(), "the report is of what was done"
    [other] = bench.night(stage, data, wanted={"options": ["--seed", "1"]})
    assert other.status is RunStatus.KEPT


def test_a_night_that_another_promotion_overtook_is_judged_anew_and_not_trained_again(
    bench: Bench, data: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    [first] = bench.night(Stage(), data)
    folder = Path(first.folder)
    for name in night_journal.STAGES:
        night_journal.write(folder / "stages" / f"{name}.json", DONE)
    (folder / "gate").mkdir()
    monkeypatch.setattr(night, "deployed", lambda *given: tmp_path / "other")
    [second] = bench.night(Stage(), data)
    assert second.status is RunStatus.KEPT and second.folder == first.folder
    assert list(night_journal.notes(folder)) == ["data", "sft", "reward", "independent", "ppo"]
    assert not (folder / "gate").exists()


def test_what_serves_already_is_not_judged_again(
    bench: Bench, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.night(Stage(), data)
    monkeypatch.setattr(night, "deployed", lambda *given: Path("x"))
    [second] = bench.night(Stage(), data)
    assert second.status is RunStatus.SKIPPED


def test_a_night_is_held_against_the_former_of_an_adapter_whose_files_were_changed(
    bench: Bench, data: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first" / "adapter", tmp_path / "second" / "adapter"
    with bench.database.unit() as unit:
        against = ""
        for folder in (first, second):
            manifest = made(folder, run=f"ppo_{folder.parent.name}")
            judged(folder.parent, manifest, against=against)
            promoting.promote(unit, promoting.offered(unit, folder, START), START, by="mona")
            against = manifest.id
        unit.commit()
    stage = Stage()
    bench.night(stage, data)
    assert stage.recipes[-1].deployed == second
    (second / "adapter_model.safetensors").write_bytes(b"flipped")
    bench.night(stage, data)
    assert stage.recipes[-1].deployed == first
    with bench.database.unit(read_only=True) as unit:
        assert "is damaged" in unit.adapters.get(manifest.id).fault  # type: ignore[union-attr]


@pytest.mark.parametrize("place", ["exported", "begun", "rowed", "looked", "evaluated", "evidence", "judged"])
def test_killed_anywhere_the_next_night_goes_on_with_the_same_row(
    bench: Bench, data: Path, place: str
) -> None:
    def die(name: str) -> None:
        if name == place:
            raise Killed

    with pytest.raises(Killed):
        bench.night(Stage(), data, point=die)
    rows = bench.runs()
    assert all(one.status is RunStatus.RUNNING for one in rows)
    [run] = bench.night(Stage(), data)
    assert run.status is RunStatus.KEPT
    assert bench.runs() == [run]
    assert not rows or rows[0].id == run.id


def test_a_night_whose_folder_another_machine_has_is_not_ended_here_before_a_day_is_over(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    left = night_lock.elsewhere
    monkeypatch.setattr(night_lock, "elsewhere", lambda run, shared, now: left(run, True, now))
    with bench.database.unit() as unit:
        unit.adapters.add_run(Run(id="theirs", started_at=START, folder="/on/another"))
        unit.commit()
    assert bench.night(Stage(), wanted={"begins": False}) == []
    assert bench.runs()[0].status is RunStatus.RUNNING
    bench.now += timedelta(days=1)
    assert bench.night(Stage(), wanted={"begins": False}) == []
    [run] = bench.runs()
    assert run.status is RunStatus.FAILED and run.reason.startswith("Its folder, /on/another, is not here")


def test_a_killed_night_goes_on_with_the_data_and_options_that_it_began_with(
    bench: Bench, data: Path, tmp_path: Path
) -> None:
    def die(name: str) -> None:
        if name == "looked":
            raise Killed

    with pytest.raises(Killed):
        bench.night(Stage(), data, point=die, wanted={"options": ["--seed", "5"]})
    stage = Stage()
    for options, other in ([], write_data(tmp_path / "newer", 50)), (["--seed", "6"], data):
        with pytest.raises(ConfigurationError, match="goes on with what it was begun with"):
            bench.night(stage, other, wanted={"options": options})
    assert not stage.recipes and bench.runs()[0].status is RunStatus.RUNNING
    [run] = bench.night(stage)
    assert {(one.seed, one.data) for one in stage.recipes} == {(5, data)}
    assert run.snapshot == data.name


def test_a_night_that_is_killed_again_and_again_has_failed(bench: Bench, data: Path) -> None:
    def die(name: str) -> None:
        if name == "looked":
            raise Killed

    for _ in range(night.TRIES):
        with pytest.raises(Killed):
            bench.night(Stage(), data, point=die)
    assert bench.night(Stage(), data, wanted={"begins": False}) == [], "nobody was asked who may train"
    bench.night(Stage(), data)
    newest, failed = bench.runs()
    assert failed.status is RunStatus.FAILED
    assert failed.reason == "It was killed 5 times in a row: see the log, then begin it again."
    assert newest.status is RunStatus.KEPT


def of_two(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Enough data of everybody, and of one account."""
    found = {
        scope: snapshot.write(rows(40), tmp_path / scope, about={"scope": scope})
        for scope in ("shared", "account-2")
    }
    monkeypatch.setattr(night, "snapshots", lambda *given: found)


def killed_at(place: str, times: int) -> Callable[[str], None]:
    """Dies where a place is passed for the so-maniest time."""
    passed: list[str] = []

    def die(name: str) -> None:
        passed.extend([name] if name == place else [])
        if name == place and len(passed) == times:
            raise Killed

    return die


def test_a_scope_whose_night_kills_its_process_fails_alone(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Deadly(Stage):
        def __call__(self, recipe: Recipe, lock: int, *, look: Callable[[], object]) -> str:
            if recipe.out.parent.name == "account-2":
                raise Killed
            return super().__call__(recipe, lock, look=look)

    of_two(bench, tmp_path, monkeypatch)
    with pytest.raises(Killed):
        bench.night(Deadly(), point=killed_at("rowed", 1))
    for _ in range(night.TRIES):
        with pytest.raises(Killed):
            bench.night(Deadly(), wanted={"begins": False})
        assert {one.status for one in bench.runs()} == {RunStatus.RUNNING}
    bench.night(Deadly(), wanted={"begins": False})
    became = {Path(one.folder).parent.name: one.status for one in bench.runs()}
    assert became == {"account-2": RunStatus.FAILED, "shared": RunStatus.KEPT}


@pytest.mark.parametrize("times", [1, 2])
def test_whoever_dies_as_a_night_begins_leaves_no_scope_without_one(
    bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    """Its row is there with all others, or with none, and then it begins anew."""
    of_two(bench, tmp_path, monkeypatch)
    for place in ("begun", "rowed"):
        with pytest.raises(Killed):
            bench.night(Stage(), point=killed_at(place, times if place == "begun" else 1))
        assert len(bench.runs()) == (0 if place == "begun" else 2)
    bench.night(Stage(), wanted={"begins": False})
    assert [one.status for one in bench.runs()] == [RunStatus.KEPT, RunStatus.KEPT]


class Passed:
    """An offer of an adapter that passed, without its files."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        from storage.records import Adapter

        def offered(unit: Any, folder: Path, now: datetime, **more: Any) -> promoting.Offer:
            adapter = Adapter(
                id="a" * 64,
                folder=str(folder),
                stage="ppo",
                run="r",
                base="b",
                template="t",
                snapshot="s",
                added_at=now,
                passed=True,
                judged="gate",
            )
            return promoting.Offer(adapter=adapter, verdict="All checks passed.")

        monkeypatch.setattr(promoting, "offered", offered)


def test_what_passed_is_in_force_in_the_transaction_that_ends_the_night(
    bench: Bench, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Passed(monkeypatch)

    def die(name: str) -> None:
        if name == "promoting":
            raise Killed

    with pytest.raises(Killed):
        bench.night(Stage(passed=True), data, point=die)
    with bench.database.unit(read_only=True) as unit:
        assert unit.adapters.current() == []
    assert bench.runs()[0].status is RunStatus.RUNNING
    [run] = bench.night(Stage(passed=True), data)
    assert run.status is RunStatus.PROMOTED and bench.runs() == [run]
    with bench.database.unit(read_only=True) as unit:
        [row] = unit.adapters.current()
    assert (row.adapter, row.by, row.forced) == ("a" * 64, night_ends.BY, False)


def test_a_promotion_that_is_refused_leaves_what_was_in_force(
    bench: Bench, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Passed(monkeypatch)

    def refused(*given: Any, **more: Any) -> None:
        raise ConfigurationError("The gate held this adapter against another: judge it again.")

    monkeypatch.setattr(promoting, "promote", refused)
    [run] = bench.night(Stage(passed=True), data)
    assert (run.status, run.reason) == (
        RunStatus.FAILED,
        "The gate held this adapter against another: judge it again.",
    )
    with bench.database.unit(read_only=True) as unit:
        assert unit.adapters.current() == []


def test_what_passed_and_was_not_promoted_for_an_error_is_by_the_next_night_and_not_after_a_rollback(
    bench: Bench, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Passed(monkeypatch)
    with monkeypatch.context() as patch:

        def locked(*given: Any, **more: Any) -> None:
            raise DatabaseError("the database was locked for too long")

        patch.setattr(promoting, "promote", locked)
        [run] = bench.night(Stage(passed=True), data)
    assert run.status is RunStatus.FAILED
    [again] = bench.night(Stage(passed=True), data)
    assert (again.status, again.folder) == (RunStatus.PROMOTED, run.folder)
    with bench.database.unit() as unit:
        promoting.rollback(unit, promoting.EVERYBODY, START, by="mona", reason="worse")
        unit.commit()
    [third] = bench.night(Stage(passed=True), data)
    assert third.status is RunStatus.SKIPPED


def test_two_at_once_are_impossible(bench: Bench, data: Path) -> None:
    second: list[str] = []

    def meanwhile(name: str) -> None:
        if name == "looked" and not second:
            with pytest.raises(night_lock.AtWork) as refused:
                bench.night(Stage(), data)
            second.append(str(refused.value))

    [run] = bench.night(Stage(), data, point=meanwhile)
    assert second == ["Another night is at work: `thumbprint runs` shows it. Wait for its end."]
    assert bench.runs() == [run]


def test_data_that_cannot_be_read_is_a_row_that_says_so(bench: Bench, data: Path) -> None:
    (data / "triplet.jsonl").write_text("{")
    with pytest.raises(DataError, match="is damaged"):
        bench.night(Stage(), data)
    [run] = bench.runs()
    assert run.status is RunStatus.FAILED and "is damaged" in run.reason


def test_a_report_that_cannot_be_written_changes_nothing(
    bench: Bench, data: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(run: Run) -> None:
        raise SetupError("No space left.")

    monkeypatch.setattr(night.night_report, "write", full)
    [run] = bench.night(Stage(), data)
    assert run.status is RunStatus.KEPT


def test_a_wrong_option_names_itself_and_begins_nothing(bench: Bench, data: Path) -> None:
    for wrong, said in (
        (["--setps", "3"], "unrecognized arguments: --setps 3"),
        (["--steps", "many"], "argument --steps: invalid int value: 'many'"),
        (["--sft-batch", "5"], "The option sft_batch is 5: 16 must be a multiple of it"),
    ):
        with pytest.raises(ConfigurationError, match=said):
            bench.night(Stage(), data, wanted={"options": wrong})
    assert {one.status for one in bench.runs()} == {RunStatus.FAILED}


def test_a_recipe_survives_its_own_command_line(bench: Bench) -> None:
    from learning.training.arguments import parse

    recipe = recipe_of(bench.settings, ["--cpu", "--steps", "7", "--corpus", "/tmp/c"])
    assert parse(Recipe, "", recipe.flags()) == recipe and recipe.launcher == ""
    assert (recipe.least, recipe.steps, recipe.cpu, recipe.parent) == (20, 7, True, None)
    assert json.dumps(recipe.recorded)
    settings = bench.settings.model_copy(update={"retrain_launcher": "accelerate launch --num_processes 4"})
    launched = recipe_of(settings, ["--cpu", "--steps", "7", "--corpus", "/tmp/c"])
    assert parse(Recipe, "", launched.flags()).launcher == "accelerate launch --num_processes 4"
    assert launched.name("s") == recipe.name("s")  # the same night, in however many processes
