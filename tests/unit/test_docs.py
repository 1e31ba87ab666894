"""What the documents say is what the code has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic_core import PydanticUndefined

from bot.cli import app
from bot.settings import Settings

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()


def shown(value: object) -> str:
    """A default as the README writes it."""
    if hasattr(value, "get_secret_value"):
        value = value.get_secret_value()
    if value is None or value == "" or value is PydanticUndefined:
        return ""
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def test_the_configuration_table_is_settings_py() -> None:
    rows = re.findall(r"^\| `(THUMBPRINT_\w+)` \| (.*?) \| (.*) \|$", README, re.MULTILINE)
    wanted = [
        (f"THUMBPRINT_{name.upper()}", shown(field.default), field.description)
        for name, field in Settings.model_fields.items()
    ]
    assert [(name, default.strip(), text) for name, default, text in rows] == wanted


def documented() -> list[str]:
    texts = [README, *(path.read_text() for path in (ROOT / "docs").rglob("*.md"))]
    lines = [line.strip() for text in texts for line in text.splitlines()]
    lines += [found for text in texts for found in re.findall(r"`(thumbprint [^`]+)`", text)]
    return sorted({line.partition("#")[0].strip() for line in lines if line.startswith("thumbprint ")})


@pytest.mark.parametrize("line", documented())
def test_commands_in_the_documents_exist_with_their_options(line: str) -> None:
    command: Any = typer.main.get_command(app)
    words = [word for word in line.split()[1:] if word not in ("…", "|")]
    while words and hasattr(command, "commands") and re.fullmatch(r"[a-z]+", words[0]):
        assert words[0] in command.commands, f"there is no `{line}`"
        command = command.commands[words.pop(0)]
    known = {
        option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
    }
    for word in words:
        if word.startswith("--"):
            assert word.rstrip("]").partition("=")[0] in known, f"`{line}`: no {word}"


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\bmake ([a-z]+)\b", README))))
def test_make_targets_in_the_readme_exist(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize(
    "document", sorted(path.relative_to(ROOT) for path in [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    text = (ROOT / document).read_text()
    for target in re.findall(r"\]\(([^)#\s]+)\)", text):
        if "://" not in target:
            assert (ROOT / document.parent / target).exists(), f"{document}: {target}"
