"""A stage's command line: an option a field, the sentence under the field is its help; errors in a sentence.

    options = parse(Options, "what the stage does", argv)
    argv = flags(options)

    @one_sentence
    def main(argv: Sequence[str] | None = None) -> int: ...

A field that holds options of its own gives its fields' flags; so names must differ. One that is a tuple of
any length gives a flag that may be repeated. `refuse` names the first number that cannot be. Left out: files
of options.
Run: pytest tests/unit/learning/training/test_arguments.py
"""

from __future__ import annotations

import argparse
import ast
import dataclasses
import errno
import inspect
import math
import textwrap
import types
from collections.abc import Callable, Sequence
from functools import wraps
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from rich.console import Console

from storage.errors import ConfigurationError, ThumbprintError

Options = TypeVar("Options")
WRONG = "✗ "
"""What went wrong, in one line on stderr, begins with it."""
SEEDS = 2**32
"""So many seeds there are for all libraries that draw."""
FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS)
"""A disk that takes nothing says all there is to say."""


def parse(options: type[Options], about: str, argv: Sequence[str] | None = None) -> Options:
    """The options that a command line gives. Wrong usage ends the process, exit code 2."""
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    _add(parser, options)
    return _made(options, vars(parser.parse_args(argv)))  # type: ignore[no-any-return]


def flags(options: Any) -> list[str]:
    """The command line that says all of them to `parse`; None and an empty tuple are left to the default."""
    found: list[str] = []
    for one in dataclasses.fields(options):
        value, flag = getattr(options, one.name), "--" + one.name.replace("_", "-")
        if dataclasses.is_dataclass(value):
            found += flags(value)
        elif isinstance(value, bool):
            found.append(flag if value else flag.replace("--", "--no-", 1))
        elif isinstance(value, tuple):
            found += [word for each in value for word in (flag, str(each))]
        elif value is not None:
            found += [flag, str(value)]
    return found


def refuse(options: Any, *, over: Sequence[str] = (), least: Sequence[str] = ()) -> None:
    """Raise ConfigurationError for the first field that is no finite number over 0, or of `least` from 0 on,
    and for a `seed` that no library takes."""
    for name in (*over, *least):
        value = getattr(options, name)
        if not (0 < value < math.inf or (value == 0 and name in least)):
            must = "not be negative" if name in least else "be over 0"
            raise ConfigurationError(f"The option {name} is {value}: it must {must}.")
    if not 0 <= (seed := getattr(options, "seed", 0)) < SEEDS:
        raise ConfigurationError(f"The option seed is {seed}: choose one of 0 to {SEEDS - 1}.")


def one_sentence(main: Callable[[Sequence[str] | None], int]) -> Callable[..., int]:
    """A command line whose own errors, and a full disk's, are one line on stderr, `WRONG` first; exit code 1.

    What nobody foresaw, any other error of the machine too, is Python's to say: with its traceback.
    """

    @wraps(main)
    def told(argv: Sequence[str] | None = None) -> int:
        try:
            return main(argv)
        except (ThumbprintError, OSError) as error:
            if isinstance(error, OSError) and error.errno not in FULL:
                raise
            console = Console(stderr=True)
            said = " ".join(str(error).split())
            console.print(f"{WRONG}{said}", style="red", markup=False, highlight=False, soft_wrap=True)
            return 1

    return told


def _add(parser: argparse.ArgumentParser, options: type[Any]) -> None:
    hints, told = get_type_hints(options), _sentences(options)
    for one in dataclasses.fields(options):
        kind = hints[one.name]
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            _add(parser, kind)
            continue
        flag = "--" + one.name.replace("_", "-")
        needed = one.default is dataclasses.MISSING and one.default_factory is dataclasses.MISSING
        help_text = told.get(one.name, "").replace("%", "%%")
        if not needed:
            help_text = f"{help_text} (default: {one.default})"
        if kind is bool:
            parser.add_argument(
                flag, action=argparse.BooleanOptionalAction, default=one.default, help=help_text
            )
            continue
        if get_origin(kind) is tuple:
            parser.add_argument(flag, action="append", type=get_args(kind)[0], help=help_text)
            continue
        choices = get_args(kind) if get_origin(kind) is Literal else None
        parser.add_argument(
            flag,
            type=type(choices[0]) if choices else _plain(kind),
            choices=choices,
            required=needed,
            default=None if needed else one.default,
            help=help_text,
        )


def _plain(kind: Any) -> Any:
    """The type of a value that is given: `Path` of `Path | None`."""
    if isinstance(kind, types.UnionType) or get_origin(kind) is Union:
        return next(each for each in get_args(kind) if each is not types.NoneType)
    return kind


def _made(options: type[Any], given: dict[str, Any]) -> Any:
    hints, values = get_type_hints(options), {}
    for one in dataclasses.fields(options):
        kind = hints[one.name]
        nested = dataclasses.is_dataclass(kind) and isinstance(kind, type)
        value = _made(kind, given) if nested else given[one.name]
        if get_origin(kind) is tuple:
            value = one.default if value is None else tuple(value)
        values[one.name] = value
    return options(**values)


def _sentences(options: type[Any]) -> dict[str, str]:
    """What stands under each field of a dataclass."""
    body = ast.parse(textwrap.dedent(inspect.getsource(options))).body[0]
    assert isinstance(body, ast.ClassDef)
    found = {}
    for field, below in zip(body.body, body.body[1:], strict=False):
        match field, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[name] = " ".join(text.split())
    return found
