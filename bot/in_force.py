"""Every setting that a repository may choose, as it is in force, in words. Pure.

Left out: where each comes from (`bot/config.py`), who is shown it (`bot/obey.py`).
Run: `pytest tests/integration/test_configuration.py`.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.config import Effective
from bot.configurations import asks_of
from bot.plan import plan_of
from bot.quotas import Limits
from bot.repo_config import QuietWindow
from bot.sanitise import code_span
from bot.settings import Settings
from storage.records import Learning


def in_force(settings: Settings, chosen: Effective, learning: Learning) -> dict[str, str]:
    """Each key of a configuration file and its value in force, inert; in the order of the file's schema."""
    config = chosen.config
    plan, limits, asks = plan_of(settings, config), Limits.of(settings, config), asks_of(config)
    zone = config.time_zone or "UTC"
    return {
        "triggers": ", ".join(map(code_span, asks.words)),
        "mention": _yes(asks.mention),
        "strangers": _yes(limits.open_to_strangers),
        "questions_per_person": str(limits.person),
        "questions_per_stranger": str(limits.stranger),
        "questions_per_repository": str(limits.repository),
        "candidates": str(plan.candidates),
        "max_tokens": str(plan.max_tokens),
        "min_score": f"{plan.min_score:g}",
        "tone": config.tone or "the model's",
        "language": config.language or "the model's",
        "model": code_span(config.model or settings.model_name),
        "learning": config.learning or learning.value,
        "training": _yes(bool(config.training)),
        "quiet_hours": "; ".join(map(_window, config.quiet_hours or ())) or "none",
        "time_zone": code_span(zone),
        "draft": _yes(bool(config.draft)),
    }


def _yes(value: bool) -> str:
    return "yes" if value else "no"


def _window(one: QuietWindow) -> str:
    days: Sequence[str] = one.days
    return f"{one.begin} to {one.to}" + ("" if len(set(days)) == 7 else f" ({', '.join(days)})")
