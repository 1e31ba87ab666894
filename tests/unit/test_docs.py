"""What the documents say is what the code has."""

from __future__ import annotations

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer
from pydantic_core import PydanticUndefined

from bot.cli import app
from bot.settings import Settings
from bot.wording import EMOJI
from learning.memory.hearing import REACTIONS
from storage.records import Reaction

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text()
DOCUMENTS = [*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
ROOMS = ("bot", "learning", "storage", "webhooks")
SOURCES = [path for room in (*ROOMS, "tests") for path in ROOT.glob(f"{room}/**/*.py")]
OF_OTHERS = {"docs/sorting.md"}
"""Files of the repositories in examples."""


@cache
def tree_of(source: Path) -> ast.Module:
    return ast.parse(source.read_text())


def docstrings(source: Path) -> Iterator[str]:
    """Every string that stands alone: of modules, classes, functions and attributes."""
    for node in ast.walk(tree_of(source)):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text))):
                yield text


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
    texts = [path.read_text() for path in DOCUMENTS]
    texts += [text for source in SOURCES for text in docstrings(source)]
    lines = [line.strip() for text in texts for line in text.splitlines()]
    lines += [found for text in texts for found in re.findall(r"`(thumbprint [^`]+)`", text)]
    return sorted({line.partition("#")[0].strip() for line in lines if line.startswith("thumbprint ")})


@pytest.mark.parametrize("line", documented())
def test_commands_in_the_documents_exist_with_their_options(line: str) -> None:
    command: Any = typer.main.get_command(app)
    words = [word for word in line.split()[1:] if word not in ("…", "|")]
    while words and hasattr(command, "commands") and re.fullmatch(r"[a-z][a-z-]*", words[0]):
        assert words[0] in command.commands, f"there is no `{line}`"
        command = command.commands[words.pop(0)]
    known = {
        option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)
    }
    for word in words:
        if word.startswith("--"):
            assert word.rstrip("]").partition("=")[0] in known, f"`{line}`: no {word}"


@pytest.mark.parametrize("target", sorted(set(re.findall(r"\bmake ([a-z][a-z-]*)", README))))
def test_make_targets_in_the_readme_exist(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@pytest.mark.parametrize("document", sorted(path.relative_to(ROOT) for path in DOCUMENTS))
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    text = (ROOT / document).read_text()
    for target in re.findall(r"\]\(([^)#\s]+)\)", text):
        if "://" not in target:
            assert (ROOT / document.parent / target).exists(), f"{document}: {target}"


@pytest.mark.parametrize("source", sorted(path.relative_to(ROOT) for path in [*DOCUMENTS, *SOURCES]))
def test_every_file_that_a_document_or_a_docstring_names_exists(source: Path) -> None:
    texts = [(ROOT / source).read_text()] if source.suffix == ".md" else docstrings(ROOT / source)
    for text in texts:
        named = re.findall(rf"(?<![\w/.~-])((?:{'|'.join(ROOMS)}|tests|docs)/[\w./*-]*\w)", text)
        missing = [name for name in named if name not in OF_OTHERS and not any(ROOT.glob(name))]
        assert not missing, f"{source} names {', '.join(missing)}"


def parameters() -> dict[str, list[set[str]]]:
    """What each function, method and class of the rooms takes or holds, by its name."""
    found: dict[str, list[set[str]]] = defaultdict(list)
    for source in SOURCES:
        if source.relative_to(ROOT).parts[0] not in ROOMS:
            continue
        for node in ast.walk(tree_of(source)):
            match node:
                case ast.FunctionDef() | ast.AsyncFunctionDef():
                    found[node.name].append(
                        {arg.arg for arg in ast.walk(node.args) if isinstance(arg, ast.arg)}
                    )
                case ast.ClassDef():
                    fields = {ast.unparse(one.target) for one in node.body if isinstance(one, ast.AnnAssign)}
                    inits = [one for one in node.body if getattr(one, "name", "") == "__init__"]
                    taken = {arg.arg for one in inits for arg in ast.walk(one) if isinstance(arg, ast.arg)}
                    found[node.name].append(fields | taken)
    return found


def test_the_signatures_in_the_architecture_are_those_of_the_code() -> None:
    """Shorthand is allowed: a type for a parameter of that type, `id` for `repository_id`, words."""
    known, wrong = parameters(), []
    block = (ROOT / "docs/architecture.md").read_text().partition("```python")[2].partition("```")[0]
    for name, listed in re.findall(r"(?<!\w)(\w+)\(([^()]*)\)", block):
        given = {arg.strip(" *[]").partition("=")[0] for arg in listed.partition(";")[0].split(",")}
        given = {arg for arg in given if arg.isidentifier() and arg.islower()}
        if not any(
            all(any(f"_{one}".endswith(f"_{arg}") for one in taken) for arg in given) for taken in known[name]
        ):
            wrong.append(f"{name}({listed})")
    assert not wrong, "; ".join(wrong)


@pytest.mark.parametrize("document", ["README.md", "docs/adr/0003-phrase-weights-in-two-pure-stages.md"])
def test_the_values_of_the_eight_reactions_are_those_of_the_code(document: str) -> None:
    lines = (ROOT / document).read_text(encoding="utf-8").splitlines()
    at = next(n for n, line in enumerate(lines) if line.startswith(f"| {EMOJI[Reaction.PLUS_ONE]} |"))
    signs, values = (re.findall(r"[^\s|]+", lines[n]) for n in (at, at + 2))
    said = {sign: float(value.replace("−", "-")) for sign, value in zip(signs, values, strict=True)}
    assert said == {EMOJI[reaction]: value for reaction, value in REACTIONS.items()}
    assert len(said) == len(Reaction) == 8
