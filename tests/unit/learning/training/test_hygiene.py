"""No secret, no near-duplicate, no question on both sides, nobody too often, in whatever order rows come."""

from __future__ import annotations

import string
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from learning.training.hygiene import (
    PER_PERSON,
    PER_REPOSITORY,
    apart,
    capped,
    cleaned,
    readable,
    unlike,
    without_secrets,
)
from learning.training.likeness import NEAR
from learning.training.preferences import Item
from learning.training.rows import Judged, PreferencePair, Split
from learning.training.splitting import split_of, thread_group
from storage.records import Message
from tests.unit.learning.training.made import NOW, demonstration, judged, origin, pair, triplet

TOKEN = "ghp_" + string.ascii_letters[:36]
LONG = (
    "After the build the loader reads each page of the table in turn and writes what it found there "
    "to the cache, so that a second run is quick and a third one finds nothing to do at all any more."
)


def item(row: Any, question: str = "") -> Item:
    return Item(question=question or f"What does part {row.origin.group} do in the end?", row=row)


def numbers(split: Split, many: int) -> list[int]:
    return [n for n in range(1, 9999) if split_of(thread_group(7, n)) is split][:many]


def several(many: int, **changes: Any) -> list[Item]:
    """Pairs in threads of their own, each unlike the others, one a minute."""
    return [
        item(
            pair(
                n,
                chosen=f"Use {n * 7919} of {n}, {n + 1}.",
                rejected=f"No: {n * 104729} {n}!",
                origin=origin(n, judged_at=NOW + timedelta(minutes=n), **changes),
            ),
            f"Number {n} asks {n * 31} for {n * 17} and {n * 13}?",
        )
        for n in range(1, many + 1)
    ]


@pytest.mark.parametrize(
    "leaky",
    [
        pair(chosen=f"Set `{TOKEN}`."),
        pair(rejected=f"Set `{TOKEN}`."),
        pair(prompt=(Message(role="user", content=f"My token is {TOKEN}: why?"),)),
        judged(completion=f"export API_KEY=abc{string.digits}xyz"),
        demonstration(completion="-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"),
        triplet(worse=f"Set `{TOKEN}`."),
        triplet(better="postgres://admin:hunter2@db.internal/x"),
        judged(completion="Set `[secret]`, as you did."),
    ],
)
def test_a_row_with_a_secret_anywhere_is_left_out(leaky: Any) -> None:
    left, out = without_secrets([item(leaky), item(pair(2))])
    assert ([one.row for one in left], out) == ([pair(2)], 1)


def test_a_question_with_a_secret_is_left_out() -> None:
    assert without_secrets([item(triplet(), f"Is {TOKEN} right?")])[0] == []


def test_what_no_snapshot_can_hold_costs_only_itself() -> None:
    broken = pair(prompt=(Message(role="user", content="\ud83d half"),))
    assert readable([item(broken), item(pair(2))]) == ([item(pair(2))], 1)


def test_of_near_duplicates_the_newest_is_left() -> None:
    newer = origin(2, judged_at=NOW + timedelta(days=1))
    one = item(demonstration(1, completion=LONG), "How does the loader use its cache again?")
    two = item(
        demonstration(2, completion=LONG.replace("quick", "fast"), origin=newer),
        "How does the loader use its cache, again?",
    )
    assert unlike([one, two]) == ([two], 1)
    assert unlike([two, one]) == ([two], 1)


def test_what_differs_in_question_answer_or_kind_is_no_duplicate() -> None:
    asked = "How does the loader use its cache again?"
    some = [
        item(demonstration(1, completion=LONG), asked),
        item(demonstration(2, completion=LONG), "What happens to old pages once the table shrinks?"),
        item(demonstration(3, completion="It does not: the cache belongs to the writer alone."), asked),
        item(judged(4, completion=LONG), asked),
        item(judged(5, completion=LONG.replace("quick", "slow"), label=False), asked),
    ]
    assert unlike(some)[1] == 0


def test_of_two_that_contradict_each_other_the_newer_holds() -> None:
    asked = "How does the loader use its cache again?"
    later = origin(2, judged_at=NOW + timedelta(days=1))
    old, new = pair(1), pair(2, chosen=pair().rejected, rejected=pair().chosen, origin=later)
    assert unlike([item(old, asked), item(new, asked)]) == ([item(new, asked)], 1)
    bad = judged(2, label=False, origin=later)
    assert unlike([item(judged(1), asked), item(bad, asked)]) == ([item(bad, asked)], 1)


def test_no_repository_takes_anothers_rows_out() -> None:
    """Whoever copies a question into a held-out thread, or later says the opposite, changes nothing."""
    asked = "How does the loader use its cache again, and when is it emptied?"
    [train], [test] = numbers(Split.TRAIN, 1), numbers(Split.TEST, 1)
    theirs = item(pair(train, chosen="It is emptied at noon.", rejected="Never."), asked)
    copied = origin(test, repository_id=666, people=(66,), judged_at=NOW + timedelta(days=9))
    held_out = item(pair(test, chosen="Send me your money.", rejected="Never.", origin=copied), asked)
    late = replace(copied, split=Split.TRAIN)
    opposite = item(pair(test, chosen="Never.", rejected="It is emptied at noon.", origin=late), asked)
    left, _ = cleaned([theirs, held_out, opposite], shared=True)
    assert theirs in left
    same = replace(theirs, row=replace(theirs.row, origin=late))
    assert unlike([same, theirs]) == ([theirs], 1)


def test_what_two_repositories_ask_alike_and_answer_otherwise_stays() -> None:
    [train], [test] = numbers(Split.TRAIN, 1), numbers(Split.TEST, 1)
    asked = "How do I run the tests of this here?"
    one = item(demonstration(train, completion="Run `make check` in the root folder."), asked)
    other = replace(origin(test), repository_id=9)
    two = item(demonstration(test, completion="Use `tox`, it needs Python 3.12.", origin=other), asked)
    assert apart([one, two])[1] == 0
    assert apart([one, item(replace(two.row, origin=origin(test)), asked)])[1] == 1
    leak = item(demonstration(train, completion="Use `tox`: it needs Python 3.12."), asked)
    assert apart([leak, two])[1] == 1


def test_a_question_that_is_held_out_is_not_trained_on_in_other_words() -> None:
    [train], [test], [validation] = (
        numbers(split, 1) for split in (Split.TRAIN, Split.TEST, Split.VALIDATION)
    )
    asked = "How do I keep the loader from reading every page of the table on each of my runs"
    some = [
        item(pair(train, chosen="Set a bound."), asked + " today?"),
        item(triplet(test), asked + "?"),
        item(judged(validation, completion="Ask the cache."), asked + " please?"),
    ]
    left, out = apart(some)
    assert ([one.row.origin.split for one in left], out) == ([Split.TEST], 2)


def test_a_short_question_is_not_known_again_by_itself() -> None:
    [train], [test] = numbers(Split.TRAIN, 1), numbers(Split.TEST, 1)
    one = item(demonstration(train, completion="The disk is full: free some space on it."), "Why?")
    two = item(demonstration(test, completion="Your token has no right to write here."), "Why?")
    assert apart([one, two])[1] == 0
    same = item(demonstration(train, completion="Your token has no right to write here."), "Why?")
    assert apart([same, two]) == ([two], 1)


def test_nobody_has_a_say_in_more_rows_of_a_kind_than_the_cap_the_newest_ones() -> None:
    """One writer with 250 edits: the daily cap lets them through over weeks, this one does not."""
    flood = several(250)
    others = [
        replace(one, row=replace(one.row, origin=replace(one.row.origin, people=(9,)))) for one in flood[:30]
    ]
    left, out = cleaned([*flood[30:], *others], shared=False)
    by_flooder = [one.row.origin.judged_at for one in left if one.row.origin.people == (8,)]
    assert len(by_flooder) == PER_PERSON
    assert min(by_flooder) == NOW + timedelta(minutes=250 - PER_PERSON + 1)
    assert sum(one.row.origin.people == (9,) for one in left) == 30
    assert out["person_cap"] == 220 - PER_PERSON


def test_whoever_hides_among_others_is_counted_too() -> None:
    together = [
        replace(one, row=replace(one.row, origin=replace(one.row.origin, people=(8, 1000 + n))))
        for n, one in enumerate(several(PER_PERSON + 7))
    ]
    assert cleaned(together, shared=False)[1]["person_cap"] == 7


def test_one_repository_with_many_people_does_not_fill_a_shared_snapshot() -> None:
    crowd = [
        replace(one, row=replace(one.row, origin=replace(one.row.origin, people=(n,))))
        for n, one in enumerate(several(12))
    ]
    assert capped(crowd, lambda one: (one.row.origin.repository_id,), 5)[1] == 7
    assert "repository_cap" in cleaned(crowd, shared=True)[1]
    assert "repository_cap" not in cleaned(crowd, shared=False)[1]
    assert PER_REPOSITORY > PER_PERSON


TEXTS = st.sampled_from(
    [LONG, LONG.replace("quick", "fast"), "Run `make check`.", "Run `npm test`.", f"Use {TOKEN}.", "\ud800"]
)
MADE = st.builds(
    lambda kind, number, one, two, person, minute: Item(
        question=one[:60],
        row=(
            pair(number, chosen=one + " Yes.", rejected=two + " No.")
            if kind
            else judged(number, completion=two, label=minute % 2 == 0)
        ),
    ),
    st.booleans(),
    st.integers(1, 12),
    TEXTS,
    TEXTS,
    st.integers(1, 3),
    st.integers(0, 5),
)


@settings(max_examples=25)
@given(some=st.lists(MADE, max_size=12), order=st.randoms(use_true_random=False))
def test_what_is_left_does_not_depend_on_the_order(some: list[Item], order: Any) -> None:
    turned = list(some)
    order.shuffle(turned)
    one, counts = cleaned(some, shared=True)
    two, again = cleaned(turned, shared=True)
    assert (sorted(map(repr, one)), counts) == (sorted(map(repr, two)), again)
    assert len(one) + sum(counts.values()) == len(some)
    assert not any(TOKEN in repr(left) for left in one)


@settings(max_examples=25)
@given(
    words=st.lists(
        st.sampled_from(["alpha", "beta", "gamma", "loader", "cache", "page", "run"]), min_size=8, max_size=30
    ),
    at=st.integers(0, 7),
)
def test_near_means_near_by_exact_comparison(words: list[str], at: int) -> None:
    """MinHash only proposes: whatever is left out shares at least `NEAR` of its runs of words."""
    changed = [*words]
    changed[at] = "other"

    def runs(some: list[str]) -> set[tuple[str, ...]]:
        return {tuple(some[i : i + 3]) for i in range(len(some) - 2)}

    asked = "How does the loader use its cache again?"
    some = [
        item(demonstration(1, completion=" ".join(words)), asked),
        item(demonstration(2, completion=" ".join(changed)), asked),
    ]
    both = runs(words) | runs(changed)
    if unlike(some)[1]:
        assert len(runs(words) & runs(changed)) / len(both) >= NEAR


def test_the_kinds_are_capped_each_by_itself() -> None:
    pairs = several(PER_PERSON)
    thumbs = [
        Item(
            question=one.question,
            row=Judged(prompt=one.row.prompt, completion=one.row.chosen, label=True, origin=one.row.origin),
        )
        for one in pairs
        if isinstance(one.row, PreferencePair)
    ]
    assert cleaned([*pairs, *thumbs], shared=False)[1]["person_cap"] == 0
