"""`thumbprint run --check`: is there a first real answer, through the playground, on this machine?

Left out: what the answer says; the end-to-end tests look at that.
"""

from __future__ import annotations

import time

import httpx
from rich.console import Console

from bot.settings import Settings
from storage.database import Database
from storage.records import AnswerStatus

ANSWER_S = 300.0
REPOSITORY = "paperboat/inkwell"
QUESTION = {
    "as": "ben-okafor",
    "do": "say",
    "repository": REPOSITORY,
    "number": 1,
    "body": "/ask How do I run the tests?",
}


def first_answer(settings: Settings, database: Database, console: Console) -> bool:
    """Ask in the playground as a contributor and wait until the answer stands in the thread."""
    base = f"http://127.0.0.1:{settings.playground_port}"
    began = time.monotonic()
    asked = httpx.post(f"{base}/playground/act", json=QUESTION, timeout=30.0, trust_env=False)
    if asked.is_error:
        console.print(f"[red]✗[/red] the playground did not take the question: {asked.text}")
        return False
    with console.status("waiting for the first answer …"):
        while time.monotonic() - began < ANSWER_S:
            with database.unit(read_only=True) as unit:
                posted = [a for a in unit.answers.recent(5) if a.status is AnswerStatus.POSTED]
            page = httpx.get(f"{base}/{REPOSITORY}/issues/1", timeout=30.0, trust_env=False).text
            if posted and f"issuecomment-{posted[0].comment_id}" in page:
                where = f"{posted[0].comment_url} after {time.monotonic() - began:.1f} s"
                console.print(f"[green]✓[/green] first answer {where}", highlight=False)
                console.print(posted[0].text, markup=False, highlight=False)
                return True
            time.sleep(0.5)
    console.print(f"[red]✗[/red] no answer within {ANSWER_S:.0f} s: see {settings.home / 'logs'}")
    return False
