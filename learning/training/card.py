"""The model card of an adapter: what it is, its data, hashes, seeds, options, figures and limits.

Everything in it comes from the manifest, so that the same adapter has the same card, and from an evaluation
where there is one. Pure. Left out: which evaluation that is (`learning/training/adapter_card.py`).

    pytest tests/unit/learning/training/test_artefact.py
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from learning.models.adapters import Manifest

SPDX_ON_THE_HUB = {
    "Apache-2.0": "apache-2.0",
    "CC-BY-SA-2.5": "cc-by-sa-2.5",
    "CC-BY-SA-3.0": "cc-by-sa-3.0",
    "CC-BY-SA-4.0": "cc-by-sa-4.0",
    "CC-BY-4.0": "cc-by-4.0",
    "MIT": "mit",
}

JUDGES = {
    "reward_model": "reward model that judged (its manifest)",
    "independent_model": "reward model that watched (its manifest)",
}

LIMITS = """\
- It is merged into this one base only, under this one prompt template; Thumbprint refuses it elsewhere.
- A small language model writes fluent text that is wrong. Answers need a reader who knows better.
- It learned the wording, the length, the habits and the mistakes of the people whose answers it was shown.
- Nobody has tested it for other languages than those of its data, or for advice on health, law or money."""
UNJUDGED = """\
- The figures above are of the run itself. Whether it is better than the base is for an evaluation to say, on
  questions that it has never seen, with intervals."""


def card(about: Manifest, evaluation: str = "") -> str:
    """Markdown with the front matter that the Hugging Face hub reads. `evaluation` is Markdown, too."""
    licences = about.data.get("licences", {})
    data = table(("source", "rows"), about.data.get("sources", {}))
    lines = [
        *_front(about, sorted(licences)),
        f"# A LoRA adapter of {about.base_name} by {about.stage.upper()}",
        "",
        "Trained by Thumbprint, a self-hosted GitHub App that answers questions and learns from feedback.",
        "",
        "## Data and licence",
        "",
        f"Snapshot `{about.snapshot}`.",
        "",
        *data,
        "",
        *(f"- {count} rows under {name or 'no stated licence'}" for name, count in sorted(licences.items())),
        "",
        "Texts under a CC BY-SA licence are their authors'; each row of the snapshot names its post.",
        "",
        "Rows of private repositories, those behind its parent and its reward model among them: "
        f"{'nobody can say' if about.private is None else about.private}.",
        "",
        "## Hashes and seeds",
        "",
        *table(
            ("what", "SHA-256"),
            {
                f"base {about.base_name}": f"`{about.base}`",
                f"prompt template {about.template_version}": f"`{about.template}`",
                **{title: f"`{about.data[name]}`" for name, title in JUDGES.items() if about.data.get(name)},
                **{name: f"`{digest}`" for name, digest in sorted(about.files.items())},
            },
        ),
        "",
        f"Run `{about.run}`, seeds {', '.join(map(str, about.seeds)) or 'none'}, "
        + (f"continued from adapter `{about.parent}`." if about.parent else "from the bare base."),
        "",
        "## Options",
        "",
        *table(("option", "value"), about.options),
        "",
        "## Figures",
        "",
        *table(("figure", "value"), about.metrics),
        "",
        *(["## Evaluation", "", evaluation.strip(), ""] if evaluation else []),
        "## Limits",
        "",
        LIMITS,
        *([] if evaluation else [UNJUDGED]),
        "",
        "## Use",
        "",
        "`THUMBPRINT_ADAPTER=<this folder or repository> thumbprint run`; or PEFT's `from_pretrained`.",
    ]
    return "\n".join(lines) + "\n"


def _front(about: Manifest, licences: list[str]) -> list[str]:
    licence = SPDX_ON_THE_HUB.get(licences[0], "other") if len(licences) == 1 else "other"
    lines = ["---", "library_name: peft", "pipeline_tag: text-generation", f"license: {licence}"]
    if about.base_name.count("/") == 1:
        lines.append(f"base_model: {about.base_name}")
    return [*lines, "tags:", "- thumbprint", "- lora", f"- {about.stage}", "---", ""]


def table(heads: tuple[str, str], rows: Mapping[str, Any]) -> list[str]:
    """A Markdown table of names and values, by lines."""
    lines = [f"| {heads[0]} | {heads[1]} |", "| --- | --- |"]
    for name, value in rows.items():
        said = f"{value:.4g}" if isinstance(value, float) else str(value)
        lines.append(f"| {_cell(name)} | {_cell(said)} |")
    return lines


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")
