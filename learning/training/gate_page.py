"""A gate's report as a page that a person reads. Pure.

Left out: the decision (`learning/training/gate_rules.py`). Run:
`pytest tests/unit/learning/training/test_gate_page.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from learning.training.gate_figures import Fault
from learning.training.gate_rules import Check, Figures, Share, Side, shown
from learning.training.signs import Sign

SHOWN_FAULTS = 12
LONGEST = 160


def markdown(
    *,
    adapter: str,
    deployed: str,
    passed: bool,
    checks: Sequence[Check],
    figures: Figures,
    faults: Sequence[Fault],
    about: Mapping[str, Any],
) -> str:
    """The page: verdict, checks, both policies side by side, slices, faulty answers to canaries."""
    failed = [check.name for check in checks if not check.passed]
    lines = [
        "# Gate",
        "",
        f"**{'Passed' if passed else 'Not passed'}**: adapter `{adapter[:12]}` against "
        f"{f'adapter `{deployed[:12]}`' if deployed else 'the base'}, both merged and int8 as they serve. "
        + (f"{len(failed)} of {len(checks)} checks failed: {', '.join(failed)}." if failed else ""),
        "",
        f"Data `{about.get('data', '')}`, {_questions(figures, about)}. Intervals are 95 %, by "
        "resampling threads and questions.",
        "",
        "| check | found | wanted | |",
        "| --- | --- | --- | --- |",
        *(
            f"| {one.name} | {_cell(one.found)} | {one.wanted} | "
            f"{'passed' if one.passed else _cell(f'**failed**: {one.why}')} |"
            for one in checks
        ),
        "",
        "| answers | candidate | serving |",
        "| --- | --- | --- |",
        *_sides(figures.candidate, figures.serving),
        "",
        "| win rate by slice | | questions or threads |",
        "| --- | --- | --- |",
        *(f"| {name} | {shown(one, '{:.1%}')} | {one.groups} |" for name, one in figures.slices.items()),
    ]
    if faults:
        lines += ["", f"{len(faults)} of the candidate's answers to canaries were faulty; the first:", ""]
        lines += [f"- `{one.canary}` {one.what}: {_quoted(one.text)}" for one in faults[:SHOWN_FAULTS]]
    return "\n".join(lines) + "\n"


def _questions(figures: Figures, about: Mapping[str, Any]) -> str:
    """How many questions, and whether an adapter or the judge had learned from them."""
    unknown, left_out = about.get("unknown", ()), about.get("left_out", 0)
    said = f"{figures.questions} questions" + (
        "" if unknown else " that neither an adapter here nor the judge learned from"
    )
    if left_out:
        said += f"; {left_out} that one had learned from were left out"
    if unknown:
        said += f"; from which questions the {' and the '.join(unknown)} learned is not known"
    return said


def _sides(ours: Side, theirs: Side) -> list[str]:
    rows = [("tokens", f"{ours.tokens:.1f}", f"{theirs.tokens:.1f}")]
    rows.append(("distinct-2", f"{ours.distinct:.3f}", f"{theirs.distinct:.3f}"))
    rows.append(("boilerplate", f"{ours.boilerplate:.1%}", f"{theirs.boilerplate:.1%}"))
    rows += [(sign.value, _share(ours.signs.get(sign)), _share(theirs.signs.get(sign))) for sign in Sign]
    rows += [
        (f"canaries: {kind}", _share(found), _share(theirs.passed.get(kind)))
        for kind, found in ours.passed.items()
    ]
    return [f"| {name} | {mine} | {other} |" for name, mine, other in rows]


def _share(one: Share | None) -> str:
    return f"{one.count} of {one.of}" if one else ""


def _quoted(text: str) -> str:
    """The beginning of a text as code, on one line, with nothing in it that Markdown would act on."""
    line = " ".join(text.split()).replace("`", "'")
    return f"`{line[:LONGEST]}{'…' if len(line) > LONGEST else ''}`" if line else "nothing"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
