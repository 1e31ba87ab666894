"""Only what the gate passed is promoted, for those whose data it learned from, and it can be taken back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from bot.cli import app
from bot.promoting import EVERYBODY, Offer, deployed, offered, promote, rollback
from bot.provenance import Owner
from learning import prompt
from learning.models import adapters
from learning.models.adapters import Manifest
from learning.models.store import sha256_of
from learning.training import gate_report, gate_rules
from learning.training.gate_report import GateReport
from learning.training.gate_rules import Check
from storage.database import Database
from storage.errors import ConfigurationError, ModelError, ThumbprintError
from storage.records import Adapter
from tests.unit.storage import things
from tests.unit.storage.conftest import database
from tests.unit.storage.test_adapters import adapter

__all__ = ["database"]

NOW = things.NOW
OURS = Owner(installation_id=2)


def made(folder: Path, *, scope: str | None = "shared", **changes: Any) -> Manifest:
    """An adapter's folder as training leaves it, and beside it the snapshot that it learned from."""
    folder.mkdir(parents=True)
    for name in adapters.NEEDED:
        (folder / name).write_text(f"{name} of {folder.name}")
    name = f"snapshot-of-{folder.name}"
    manifest = Manifest(
        stage="ppo",
        run=f"ppo_{folder.name}",
        base="b" * 64,
        base_name="tiny",
        template="7" * 64,
        template_version=prompt.TEMPLATE,
        snapshot=name,
        files={file: sha256_of(folder / file) for file in adapters.NEEDED},
    )
    manifest = replace(manifest, **changes)
    (folder / adapters.MANIFEST).write_text(manifest.text())
    kept = folder.parent / "data" / name
    kept.mkdir(parents=True)
    (kept / "manifest.json").write_text(json.dumps({"id": name, "about": {"scope": scope} if scope else {}}))
    return manifest


def judged(out: Path, manifest: Manifest, *, passed: bool = True, against: str = "") -> None:
    checks = [Check(name=name, passed=True, found="fine", wanted="fine") for name in gate_rules.CHECKS]
    if not passed:
        checks[0] = replace(checks[0], passed=False, why="it babbles")
    report = GateReport(run="gate_1", adapter=manifest.id, deployed=against, checks=tuple(checks))
    gate_report.write(report, "# page", out)


def offer(letter: str, *, deployed: str = "", **changes: Any) -> Offer:
    return Offer(adapter=adapter(letter, **changes), verdict="All checks passed.", deployed=deployed)


def test_what_the_gate_passed_is_promoted_and_the_row_says_why(database: Database, tmp_path: Path) -> None:
    manifest = made(tmp_path / "run" / "adapter")
    judged(tmp_path / "run" / "gate", manifest)
    with database.unit() as unit:
        found = offered(unit, tmp_path / "run", NOW)
        row = promote(unit, found, NOW, by="mona")
        unit.commit()
    assert (row.adapter, row.scope, row.former, row.place, row.by) == (manifest.id, 0, "", 1, "mona")
    assert "checks passed" in row.reason and not row.forced
    with database.unit() as unit:
        kept = unit.adapters.get(manifest.id)
    assert kept is not None and kept.passed and kept.folder == str(tmp_path / "run" / "adapter")
    assert kept.judged == str(tmp_path / "run" / "gate")


@pytest.mark.parametrize("how", ["unjudged", "failed", "another's", "against another"])
def test_without_a_gate_that_passed_only_force_promotes_and_its_reason_is_kept(
    database: Database, tmp_path: Path, how: str
) -> None:
    manifest = made(tmp_path / "run" / "adapter")
    if how == "failed":
        judged(tmp_path / "run", manifest, passed=False)
    if how == "another's":
        judged(tmp_path / "run", replace(manifest, run="another"))
    if how == "against another":
        judged(tmp_path / "run", manifest, against="c" * 64)
    with database.unit() as unit:
        found = offered(unit, tmp_path / "run", NOW)
        with pytest.raises(ConfigurationError, match=r"judge it again|Only an adapter that passed"):
            promote(unit, found, NOW, by="mona")
        assert unit.adapters.in_force(0) is None
        row = promote(unit, found, NOW, by="mona", forced_because="a drill")
        assert row.forced and row.reason == "a drill" and unit.adapters.in_force(0) == row


def test_a_damaged_report_or_adapter_promotes_nothing(database: Database, tmp_path: Path) -> None:
    manifest = made(tmp_path / "run" / "adapter")
    judged(tmp_path / "run", manifest, passed=False)
    file = tmp_path / "run" / gate_report.FILE
    file.write_text(file.read_text().replace('"passed": false', '"passed": true'))
    with database.unit() as unit, pytest.raises(ThumbprintError, match="damaged"):
        offered(unit, tmp_path / "run", NOW)
    (tmp_path / "run" / "adapter" / adapters.NEEDED[1]).write_text("another byte")
    with database.unit() as unit, pytest.raises(ModelError, match="damaged"):
        offered(unit, tmp_path / "run", NOW)
    with database.unit() as unit, pytest.raises(ModelError, match="no adapter of ours"):
        offered(unit, tmp_path, NOW)


def test_another_templates_adapter_is_not_promoted(database: Database, tmp_path: Path) -> None:
    made(tmp_path / "adapter", template_version="of old")
    with database.unit() as unit, pytest.raises(ModelError, match="train it again"):
        offered(unit, tmp_path / "adapter", NOW)


def test_an_adapter_that_the_server_has_merged_in_is_what_the_first_is_held_against(
    database: Database,
) -> None:
    with database.unit() as unit:
        with pytest.raises(ConfigurationError, match="judge it again"):
            promote(unit, offer("a"), NOW, by="mona", merged="e" * 64)
        promote(unit, offer("a", deployed="e" * 64), NOW, by="mona", merged="e" * 64)
        assert deployed(unit, EVERYBODY, "e" * 64) == "a" * 64, "what is promoted stands over it"


def test_rollback_goes_back_step_by_step_to_no_adapter_and_no_further(database: Database) -> None:
    with database.unit() as unit:
        promote(unit, offer("a"), NOW, by="mona")
        promote(unit, offer("c", deployed="a" * 64), NOW, by="mona")
        found = [rollback(unit, EVERYBODY, NOW, by="mona", reason="worse").adapter for _ in range(2)]
        assert found == ["a" * 64, ""]
        with pytest.raises(ConfigurationError, match="Nothing is promoted"):
            rollback(unit, EVERYBODY, NOW, by="mona", reason="worse")
        assert [one.adapter[:1] for one in unit.adapters.history(0)] == ["", "a", "c", "a"]


def test_a_canary_is_made_whole_or_given_up_and_its_former_stays_the_former(database: Database) -> None:
    with database.unit() as unit:
        promote(unit, offer("a"), NOW, by="mona")
        canary = promote(unit, offer("c", deployed="a" * 64), NOW, share=10, by="mona")
        assert (canary.former, canary.is_canary, deployed(unit, EVERYBODY)) == ("a" * 64, True, "a" * 64)
        other = promote(unit, offer("d", deployed="a" * 64), NOW, share=10, by="mona")
        assert other.former == "a" * 64, "a canary is nobody's former"
        whole = promote(unit, offer("d", deployed="a" * 64), NOW, by="mona")
        assert (whole.share, whole.former) == (100, "a" * 64)
        with pytest.raises(ConfigurationError, match="in force there already"):
            promote(unit, offer("d", deployed="d" * 64), NOW, by="mona")
        assert rollback(unit, EVERYBODY, NOW, by="mona", reason="no").adapter == "a" * 64


def test_what_the_server_refused_is_promoted_again_by_the_gate_s_word_once_it_is_mended(
    database: Database,
) -> None:
    mended = offer("c", deployed="a" * 64)
    with database.unit() as unit:
        promote(unit, offer("a"), NOW, by="mona")
        promote(unit, mended, NOW, by="mona")
        with pytest.raises(ConfigurationError, match="in force there already"):
            promote(unit, mended, NOW, by="mona")
        unit.adapters.set_fault("c" * 64, "It is damaged.")
        again = promote(unit, mended, NOW, by="mona")
        assert (again.adapter, again.former, again.place, again.forced) == ("c" * 64, "a" * 64, 3, False)
        assert unit.adapters.get("c" * 64).fault == ""  # type: ignore[union-attr]


def test_what_the_server_does_not_take_is_nobody_s_opponent_and_nobody_s_former(database: Database) -> None:
    with database.unit() as unit:
        promote(unit, offer("a"), NOW, by="mona")
        promote(unit, offer("c", deployed="a" * 64), NOW, by="mona")
        unit.adapters.set_fault("c" * 64, "It is damaged.")
        assert deployed(unit, EVERYBODY) == "a" * 64, "its former answers"
        with pytest.raises(ConfigurationError, match="judge it again"):
            promote(unit, offer("d", deployed="c" * 64), NOW, by="mona")
        row = promote(unit, offer("d", deployed="a" * 64), NOW, by="mona")
        assert (row.adapter, row.former) == ("d" * 64, "a" * 64), "a rollback brings back what answered"
        for one in ("a", "d"):
            unit.adapters.set_fault(one * 64, "It is damaged.")
        assert deployed(unit, EVERYBODY, "e" * 64) == "e" * 64


def test_of_two_who_promote_or_roll_back_at_once_the_later_is_told_and_changes_nothing(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On PostgreSQL both read before either writes; here the second one still reads what was."""
    with database.unit() as unit:
        promote(unit, offer("a"), NOW, by="mona")
        promote(unit, offer("c", deployed="a" * 64), NOW, by="mona")
        unit.commit()
    with database.unit() as unit:
        before = unit.adapters.history(0)
        rollback(unit, EVERYBODY, NOW, by="hubot", reason="worse")
        monkeypatch.setattr(unit.adapters, "in_force", lambda *where: before[0])
        monkeypatch.setattr(unit.adapters, "history", lambda *where: before)
        with pytest.raises(ConfigurationError, match="Another promotion came at the same time"):
            promote(unit, offer("d", deployed="c" * 64), NOW, by="mona")
        with pytest.raises(ConfigurationError, match="Another promotion came at the same time"):
            rollback(unit, EVERYBODY, NOW, by="mona", reason="worse")
        monkeypatch.undo()
        assert [one.by for one in unit.adapters.history(0)] == ["hubot", "mona", "mona"]


def test_what_a_reward_model_learned_from_private_repositories_answers_nobody_else(
    database: Database, tmp_path: Path
) -> None:
    made(tmp_path / "one" / "adapter", data={"private": 3})
    made(tmp_path / "two" / "adapter", scope="account-2", data={"private": 3})
    made(tmp_path / "own" / "adapter", scope="repository-1", data={"private": 3})
    for name in ("one", "two"):
        with pytest.raises(ConfigurationError, match="reward model that learned from private repositories"):
            _owner(database, tmp_path / name / "adapter")
    assert _owner(database, tmp_path / "own" / "adapter").repository_id == 1


def test_an_accounts_adapter_is_promoted_for_that_account_alone_by_force_neither(database: Database) -> None:
    theirs = offer("a", installation_id=2)
    own = offer("c", installation_id=2, repository_id=1, deployed="a" * 64)
    with database.unit() as unit:
        for where in (EVERYBODY, Owner(installation_id=3)):
            with pytest.raises(ConfigurationError, match="answers nobody else"):
                promote(unit, theirs, NOW, where=where, by="mona", forced_because="I want it")
        with pytest.raises(ConfigurationError, match="answers nobody else"):
            promote(unit, own, NOW, where=OURS, by="mona", forced_because="I want it")
        row = promote(unit, theirs, NOW, by="mona")
        assert (row.scope, row.repository_id) == (2, 0), "its own account, unless it is said"
        row = promote(unit, own, NOW, by="mona")
        assert (row.scope, row.repository_id) == (2, 1)
        assert unit.adapters.in_force(0) is None
        assert deployed(unit, Owner(installation_id=2, repository_id=5)) == "a" * 64
        narrowed = promote(unit, offer("d"), NOW, where=Owner(installation_id=4), by="mona")
        assert narrowed.scope == 4, "everybody's may be one account's alone"


@pytest.mark.parametrize(
    ("scope", "owner"),
    [
        (None, Owner()),
        ("shared", Owner()),
        ("account-2", OURS),
        ("repository-1", Owner(installation_id=2, repository_id=1)),
    ],
)
def test_whose_an_adapter_is_follows_from_its_snapshot(
    database: Database, tmp_path: Path, scope: str | None, owner: Owner
) -> None:
    made(tmp_path / "adapter", scope=scope)
    assert _owner(database, tmp_path / "adapter") == owner


def test_whose_an_adapter_is_follows_from_what_it_went_on_from_too(
    database: Database, tmp_path: Path
) -> None:
    first = made(tmp_path / "run" / "sft", scope="repository-1")
    made(tmp_path / "run" / "adapter", parent=first.id)
    assert _owner(database, tmp_path / "run" / "adapter") == Owner(installation_id=2, repository_id=1)
    made(tmp_path / "run" / "others", scope="account-3", parent=first.id)
    with pytest.raises(ConfigurationError, match="two owners"):
        _owner(database, tmp_path / "run" / "others")
    lone = made(tmp_path / "far" / "away" / "from" / "adapter", parent="e" * 64)
    with pytest.raises(ConfigurationError, match="put its folder beside it"):
        _owner(database, tmp_path / "far" / "away" / "from" / "adapter")
    with database.unit() as unit:
        unit.adapters.add(adapter("e", installation_id=2))
        unit.commit()
    assert (
        lone.parent == "e" * 64 and _owner(database, tmp_path / "far" / "away" / "from" / "adapter") == OURS
    )


def test_where_nobody_can_say_whose_data_it_was_nothing_is_promoted(
    database: Database, tmp_path: Path
) -> None:
    manifest = made(tmp_path / "adapter", scope="repository-99")
    with pytest.raises(ConfigurationError, match="Nobody here knows the scope"):
        _owner(database, tmp_path / "adapter")
    moved = tmp_path / "elsewhere"
    (tmp_path / "data").rename(moved)
    with pytest.raises(ConfigurationError, match="--data"):
        _owner(database, tmp_path / "adapter")
    (moved / manifest.snapshot / "manifest.json").write_text(
        json.dumps({"id": manifest.snapshot, "about": {"scope": "account-2"}})
    )
    with database.unit() as unit:
        found = offered(unit, tmp_path / "adapter", NOW, snapshots=[moved]).adapter
    assert (found.installation_id, found.repository_id) == (2, 0)


def _owner(database: Database, folder: Path) -> Owner:
    with database.unit() as unit:
        unit.repositories.upsert(things.REPOSITORY)
        found: Adapter = offered(unit, folder, NOW).adapter
        unit.commit()
    return Owner(installation_id=found.installation_id, repository_id=found.repository_id)


def test_the_verbs_promote_show_and_roll_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("THUMBPRINT_HOME", str(tmp_path / "var"))
    monkeypatch.setenv("THUMBPRINT_MODEL_URL", "http://127.0.0.1:9/v1")
    manifest = made(tmp_path / "run" / "adapter")

    def said(*words: str) -> str:
        found = CliRunner().invoke(app, list(words), catch_exceptions=True)
        return found.output + (str(found.exception) if found.exit_code else "")

    assert "No adapter was promoted yet" in said("adapters")
    assert "--force wants a reason" in said("promote", "run", "--force")
    assert "Only an adapter that passed" in said("promote", "run")
    judged(tmp_path / "run" / "gate", manifest)
    assert f"✓ {manifest.id[:12]} is in force for 20 % of the threads, for everybody" in said(
        "promote", "run", "--share", "20"
    )
    shown = said("adapters", "--history")
    assert manifest.id[:12] in shown and "promoted" in shown and "20 %, else none" in shown
    assert "0 of 0 threads of the new adapter" in shown
    assert "✓ no adapter is in force again, for everybody" in said("rollback", "--reason", "too long")
    assert "too long" in said("adapters", "--history") and "retired" in said("adapters")
    assert "Nothing is promoted" in said("rollback", "--installation", "7")
