"""The App's manifest asks for exactly what the code handles."""

from pathlib import Path

import yaml

from bot.lifecycle import ALWAYS_SENT, EVENTS
from webhooks.route import HANDLED

MANIFEST = yaml.safe_load((Path(__file__).parents[2] / "app.yml").read_text())


def test_the_manifest_names_exactly_the_events_that_are_routed():
    """But for those that GitHub sends to every App, and that no manifest may name."""
    assert sorted(MANIFEST["default_events"]) == sorted(HANDLED)
    assert set(EVENTS) == {*ALWAYS_SENT, "repository"} and not {*HANDLED} & {*ALWAYS_SENT}


def test_the_manifest_asks_for_no_more_than_comments_reading_and_metadata():
    assert MANIFEST["default_permissions"] == {
        "issues": "write",
        "pull_requests": "write",
        "contents": "read",
        "metadata": "read",
    }
