from pathlib import Path

import pytest

from bot.bench import rules
from bot.bench.rules import RuleKind
from storage.errors import ConfigurationError


def written(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "rules.yml"
    file.write_text(text, encoding="utf-8")
    return file


def one_rule(rule: str) -> str:
    return f"repositories:\n  - name: a/b\n    topic: json\n    rules:\n      - {rule}\n"


def test_the_packaged_set_has_twelve_repositories_of_at_least_six_kinds() -> None:
    packaged = rules.load(rules.PACKAGED)
    assert len(packaged) >= 12
    assert len({rule.kind for repository in packaged for rule in repository.rules}) >= 6
    assert 2 <= len(rules.load(rules.PACKAGED_SMALL)) <= 3


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("repositories: [", "line 1 is not valid YAML"),
        ("- a", "must hold one key, `repositories`"),
        ("repositories: []", "lists no repository"),
        (one_rule("{name: r, kind: command, wrong: pip}"), "rule `r`: a rule of kind command needs `right`"),
        (one_rule("{name: r, kind: length}"), "rule `r`: a rule of kind length needs `limit_words`"),
        (one_rule("{name: r, kind: silence}"), "rule `r`: a rule of kind silence needs `questions`"),
        (one_rule("{name: r, kind: shout}"), "rule `r`, `kind`: "),
        (one_rule("{name: r, kind: wording, wrong: a, colour: red}"), "rule `r`, `colour`: unknown key"),
        (
            one_rule("{name: r, kind: wording, pattern: '('}"),
            "rule `r`: `pattern` is not a regular expression",
        ),
        (
            one_rule("{name: r, kind: term, wrong: list, right: a list}"),
            "rule `r`: `right` (a list) still holds",
        ),
        ("repositories:\n  - name: a/b\n    topic: x\n", "repository `a/b`, `rules`: missing: add it"),
        (
            "repositories:\n  - name: nameless\n    topic: x\n    rules: []\n",
            "repository `nameless`, `name`: ",
        ),
    ],
)
def test_a_wrong_rules_file_is_refused_by_the_rule_s_name_with_a_remedy(
    tmp_path: Path, text: str, says: str
) -> None:
    with pytest.raises(ConfigurationError) as refused:
        rules.load(written(tmp_path, text))
    assert says in str(refused.value)
    assert str(tmp_path) in str(refused.value)


def test_a_missing_rules_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"none\.yml cannot be read"):
        rules.load(tmp_path / "none.yml")


def test_repositories_of_one_name_are_refused(tmp_path: Path) -> None:
    entry = "  - name: a/b\n    topic: x\n    rules: [{name: r, kind: term, wrong: a, right: b}]\n"
    with pytest.raises(ConfigurationError, match="`a/b` occurs twice"):
        rules.load(written(tmp_path, "repositories:\n" + entry * 2))


def test_without_a_pattern_the_wrong_form_is_sought_as_a_whole_word() -> None:
    rule = rules.Rule(name="r", kind=RuleKind.TERM, wrong="list", right="sequence")
    assert rule.sought.search("A List of")
    assert not rule.sought.search("listing")


def test_a_rule_concerns_the_questions_that_it_names() -> None:
    rule = rules.Rule(name="r", kind=RuleKind.SILENCE, questions=r"\bpandas\b")
    assert rule.concerns("how does Pandas sort")
    assert not rule.concerns("how does python sort")
