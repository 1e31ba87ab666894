"""Promotion and rollback: which adapter may be in force, for whom, as one row in one transaction.

An adapter that the gate did not pass, or that it held against another than is in force now, is promoted by
force alone, and the reason is kept. No force goes round privacy: one account's adapter is promoted for that
account, a private repository's for that repository. Whose an adapter is follows from the snapshots that it
and its parents learned from (`bot/provenance.py`). Left out: telling the model server (`bot/adapters.py`).

    thumbprint promote DIR; thumbprint rollback; pytest tests/unit/bot/test_promoting.py
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from bot.adapters import may_serve
from bot.canary import rolled_back
from bot.provenance import Owner, owner_of
from learning import prompt
from learning.models import adapters
from learning.models.adapters import MANIFEST
from learning.training import gate_report
from storage.database import UnitOfWork
from storage.errors import ConfigurationError, ModelError
from storage.records import Adapter, Promotion

EVERYBODY = Owner()


@dataclass(frozen=True, kw_only=True)
class Offer:
    """An adapter that might be promoted, what the gate says of it, and against which adapter it was held."""

    adapter: Adapter
    verdict: str
    deployed: str = ""


def offered(
    unit: UnitOfWork, folder: Path, now: datetime, *, gate: Path | None = None, snapshots: Sequence[Path] = ()
) -> Offer:
    """Read an adapter's folder, the gate's report and whose data it learned from.

    `folder` may be a run's, with the adapter in `adapter`. The report is in `gate`, or in or beside the
    folder; `snapshots` are folders that may hold the snapshots it learned from. Raises ModelError for files
    that are damaged or another template's, DataError for a damaged report, ConfigurationError where nobody
    can say whose data it learned from, or private rows are behind what would answer several repositories.
    """
    place = (folder if (folder / MANIFEST).exists() else folder / "adapter").absolute()
    manifest = adapters.read(place)
    if manifest is None:
        raise ModelError(f"{folder} holds no adapter of ours: there is no {MANIFEST} in it.")
    if manifest.template_version != prompt.TEMPLATE:
        raise ModelError(
            f"The adapter in {place} was trained under template {manifest.template_version}, and this "
            f"version asks with {prompt.TEMPLATE}: train it again."
        )
    owner = owner_of(unit, place, manifest, snapshots)
    if manifest.private and not owner.repository_id:
        raise ConfigurationError(
            f"A reward model that learned from private repositories trained the adapter in {place}, which "
            "would answer others: train it with another."
        )
    known = [gate] if gate else [place, place / "gate", place.parent, place.parent / "gate"]
    for judged in known:
        report = gate_report.read(judged.parent if judged.is_file() else judged)
        if report is not None and report.adapter == manifest.id:
            break
    else:
        report = None
    adapter = Adapter(
        id=manifest.id,
        folder=str(place),
        stage=manifest.stage,
        run=manifest.run,
        base=manifest.base,
        template=manifest.template,
        snapshot=manifest.snapshot,
        parent=manifest.parent,
        installation_id=owner.installation_id,
        repository_id=owner.repository_id,
        added_at=now,
        passed=report is not None and report.passed,
        judged=str(judged) if report is not None else "",
    )
    none = (
        f"The gate did not judge it: `thumbprint gate` does ({', '.join(map(str, known))} were looked into)."
    )
    return Offer(
        adapter=adapter,
        verdict=report.reason if report is not None else none,
        deployed=report.deployed if report is not None else "",
    )


def promote(
    unit: UnitOfWork,
    offer: Offer,
    now: datetime,
    *,
    where: Owner | None = None,
    share: int = 100,
    by: str,
    forced_because: str = "",
    merged: str = "",
) -> Promotion:
    """Put an adapter in force, for `share` per cent of the threads; the caller commits.

    `where` is its owner unless it is said: everybody, an installation, or one repository of it. `merged` is
    the adapter that the server's own model has, as `deployed` wants it. Raises ConfigurationError that says
    why it may not be.
    """
    adapter = offer.adapter
    to = where or Owner(installation_id=adapter.installation_id, repository_id=adapter.repository_id)
    if not may_serve(adapter, to.installation_id, to.repository_id):
        whose = f"repository {adapter.repository_id}" if adapter.repository_id else "one account"
        raise ConfigurationError(
            f"This adapter learned from {whose} (installation {adapter.installation_id}) and answers nobody "
            "else: promote it there."
        )
    current = unit.adapters.in_force(to.installation_id, to.repository_id)
    known = unit.adapters.get(adapter.id)
    former = ""
    if current is not None:
        again = current.adapter == adapter.id
        if again and current.share == share and known is not None and not known.fault:
            raise ConfigurationError("This adapter is in force there already: nothing was changed.")
        passed_over = again or current.is_canary or _refused(unit, current.adapter)
        former = current.former if passed_over else current.adapter
    if not forced_because:
        _refuse_unjudged(offer, deployed(unit, to, merged, beside=adapter.id))
    made = Promotion(
        scope=to.installation_id,
        repository_id=to.repository_id,
        place=current.place + 1 if current else 1,
        adapter=adapter.id,
        share=share,
        former=former,
        at=now,
        by=by,
        reason=forced_because or offer.verdict,
        forced=bool(forced_because),
    )
    unit.adapters.add(adapter)
    return _add(unit, made)


def rollback(unit: UnitOfWork, where: Owner, now: datetime, *, by: str, reason: str) -> Promotion:
    """Bring back what was in force there before. Raises ConfigurationError (nothing is)."""
    current = unit.adapters.in_force(where.installation_id, where.repository_id)
    if current is None or not current.adapter:
        raise ConfigurationError("Nothing is promoted there: there is nothing to roll back.")
    return _add(unit, rolled_back(unit, current, now, by=by, reason=reason))


def deployed(unit: UnitOfWork, where: Owner, merged: str = "", beside: str = "") -> str:
    """The id of the adapter that a new one there is to be held against, "" for the model without one.

    It is the one in force, or a canary's former, or the former of one that the server does not take; where
    there is none, what the wider scopes have; and at last `merged`, the id of `THUMBPRINT_ADAPTER`. Of
    `beside`, which is promoted again, its former: it was held against that, and not against itself.
    """
    scopes = dict.fromkeys((where, Owner(installation_id=where.installation_id), EVERYBODY))
    for one in scopes:
        row = unit.adapters.in_force(one.installation_id, one.repository_id)
        those = () if row is None else (row.former,) if row.is_canary else (row.adapter, row.former)
        for found in those:
            if found and found != beside and not _refused(unit, found):
                return found
    return merged


def _refused(unit: UnitOfWork, adapter_id: str) -> bool:
    """Whether the model server does not take an adapter, so that its former answers."""
    known = unit.adapters.get(adapter_id) if adapter_id else None
    return known is not None and bool(known.fault)


def _refuse_unjudged(offer: Offer, before: str) -> None:
    if not offer.adapter.passed:
        raise ConfigurationError(
            f"{offer.verdict.rstrip('.')}. Only an adapter that passed is promoted, unless --force says why."
        )
    if offer.deployed != before:
        named = [one[:12] or "the model without one" for one in (offer.deployed, before)]
        raise ConfigurationError(
            f"The gate held this adapter against {named[0]}, and {named[1]} is in force: judge it again."
        )


def _add(unit: UnitOfWork, promotion: Promotion) -> Promotion:
    if not unit.adapters.promote(promotion):
        raise ConfigurationError(
            "Another promotion came at the same time: see `thumbprint adapters`, and say it again."
        )
    return promotion
