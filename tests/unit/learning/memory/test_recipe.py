"""The recipe for phrase weights, phrase by phrase, and the test by which each can be checked.

The recipe is shared/docs/learning.md, section 1. What was turned down stands in ADR 0003, with the reason.
"""

from __future__ import annotations

import ast
import re
from functools import cache

import pytest

from tests.beside import ROOT

ADR = "docs/adr/0003-phrase-weights-in-two-pure-stages.md"

RECIPE = """
reactions and edits become a word/phrase weight dictionary per repository
    bot/test_lessons a_writers_edit_acts_at_once_and_is_news
top positive and negative phrases go into
    learning/memory/test_choice a_weak_wording_acts_only_near_the_question_that_taught_it
each generation is scored
    bot/test_first_attempt the_score_is_read_and_a_low_one_starts_another_generation
below an organisation-wide limit it is generated again
    bot/test_first_attempt a_bad_score_starts_again_at_most_twice
Arithmetic is done in code, not by the model
    learning/memory/test_weights a_weight_is_within_bounds_and_does_not_depend_on_order
weights without a repository key
    learning/memory/test_first_attempt weights_carry_their_repository
reactions on the bot's *own* answers dropped
    learning/memory/test_first_attempt reactions_on_the_bots_own_answers_are_what_counts
any edit counted as praise
    learning/memory/test_first_attempt an_edit_is_a_correction_and_no_praise
one vote many times
    learning/memory/test_first_attempt one_vote_counts_once_however_often_it_is_seen
self-votes
    learning/memory/test_first_attempt nobody_votes_for_their_own_words
bots
    learning/memory/test_first_attempt bots_never_count
character n-grams
    learning/memory/test_first_attempt phrases_are_words_and_never_stop_words_alone
so that score grows with length
    learning/memory/test_first_attempt the_score_of_a_text_does_not_grow_with_its_length
`the`/`ing` rule
    learning/memory/test_extract phrases_are_few_short_and_never_stop_words_alone
nothing normalised
    learning/memory/test_first_attempt weights_stay_within_minus_one_and_one_and_are_shrunk
decayed
    learning/memory/test_first_attempt old_praise_fades_and_then_no_longer_acts
capped
    learning/memory/test_first_attempt one_person_is_capped_over_all_answers
cached by key
    bot/test_first_attempt what_is_cached_is_of_one_repository_and_one_revision
limited to top-k
    learning/memory/test_first_attempt only_the_best_few_enter_a_prompt
a down-voted phrase pushed further down by up-votes
    learning/memory/test_first_attempt an_up_vote_never_pushes_a_down_voted_phrase_further_down
score never read
    bot/test_first_attempt the_score_is_read_and_a_low_one_starts_another_generation
the restart never wired
    bot/test_first_attempt what_made_an_answer_bad_is_named_when_it_is_tried_again
placeholder text taken for an answer
    bot/test_first_attempt placeholder_text_is_taken_for_no_answer
word n-grams (1–4, never stop-words alone;
    learning/memory/test_extract phrases_are_few_short_and_never_stop_words_alone
code spans, paths and identifiers whole)
    learning/memory/test_extract names_paths_and_code_are_whole
per repository;
    learning/memory/test_first_attempt weights_carry_their_repository
mass of one event is shared out
    learning/memory/test_phrases no_event_gives_more_mass_than_it_is_worth
so long answers teach no more than short ones
    learning/memory/test_first_attempt a_long_answer_teaches_no_more_than_a_short_one
(ups−downs)/(ups+downs+k) in [-1, 1]
    learning/memory/test_weights a_weight_is_the_shrunk_balance_of_its_evidence
half-life
    learning/memory/test_weights a_half_life_halves_the_mass_and_a_clock_that_went_back_changes_nothing
cap;
    learning/memory/test_weights a_person_gives_one_phrase_no_more_than_the_cap
an edit by a writer suffices
    learning/memory/test_weights a_writer_acts_at_once
thumbs need several people
    learning/memory/test_weights readers_act_from_three_people_on
edits pair removed → added as a *correction*
    learning/memory/test_first_attempt an_edit_is_a_correction_and_no_praise
unchanged text is silent
    learning/memory/test_first_attempt unchanged_text_is_silent
background frequency discounts common phrases
    learning/memory/test_first_attempt common_wordings_are_discounted_by_the_background
All pure
    test_architecture every_import_contract_is_kept
all replayable
    bot/test_lessons a_replay_gives_the_incremental_weights_to_the_last_bit
at least 3 votes
    learning/memory/test_weights readers_act_from_three_people_on
1.5× margin before a thumb acts
    learning/memory/test_weights readers_need_a_margin
protected topics such as security are never learned away
    ADR 0003: Protected topics that are never learned away
facts unused for 28 days expire
    ADR 0003: Forgetting after 28 unused days
itemised bullets with counters and delta updates
    bot/test_memory of_many_answers_only_what_changed_is_read_again
ramp its prefixes
    learning/models/test_sampling a_phrase_is_ramped_up_and_let_go_after_the_first_hit
add " foo", "foo" and capitalised forms
    learning/models/test_sampling a_phrase_is_ramped_up_and_let_go_after_the_first_hit
clamp to about ±4
    learning/models/test_sampling no_token_is_ever_pushed_beyond_the_clamp
stop after the first hit
    learning/models/test_sampling a_phrase_is_ramped_up_and_let_go_after_the_first_hit
`bad_words_ids` for hard bans
    ADR 0003: Hard bans while decoding
n = 4–8 in one batch costs little more than one answer
    bot/bench/test_policy the_ratio_is_four_candidates_over_two_answers_of_the_same_turn
repositories with hidden maintainer rules
    bot/bench/test_rules the_packaged_set_has_twelve_repositories_of_at_least_six_kinds
a rule-based editor corrects each answer
    bot/bench/test_maintainer a_corrected_text_breaks_its_rule_no_more
(cost = edit distance)
    bot/bench/test_maintainer the_cost_is_the_share_of_words_that_an_edit_changes
learners compared over rounds and seeds
    bot/bench/test_loop learners_can_be_added_to_a_run_and_all_are_reported
**regret closed**
    bot/bench/test_report regret_closed_lets_every_repository_count_the_same
with intervals
    bot/bench/test_intervals a_rate_lies_within_its_interval
side effects on questions the rule does not touch, leakage across repositories
    bot/bench/test_report side_effects_and_leaks_miss_their_targets
"""
"""Words of the recipe; below them a file under tests/unit and a test without `test_`, or the ADR."""


def rules() -> list[tuple[str, str, str]]:
    """Each entry as the words of the recipe, where they are kept, and by what."""
    said, kept = RECIPE.strip().split("\n")[::2], RECIPE.strip().split("\n")[1::2]
    return [(words, *where.strip().split(" ", 1)) for words, where in zip(said, kept, strict=True)]  # type: ignore[misc]


@cache
def named_in(path: str) -> frozenset[str]:
    """The names of the functions in one file of tests."""
    tree = ast.parse((ROOT / "tests" / "unit" / f"{path}.py").read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


@pytest.mark.parametrize(("said", "path", "name"), rules(), ids=[said[:40] for said, _, _ in rules()])
def test_each_rule_of_the_recipe_has_its_test_or_the_reason_why_not(said: str, path: str, name: str) -> None:
    assert said
    if path == "ADR":
        assert f"*{name.partition(' ')[2]}*" in (ROOT / ADR).read_text(encoding="utf-8")
    else:
        assert f"test_{name}" in named_in(path)


def test_the_table_holds_the_recipe_from_its_first_rule_to_its_last() -> None:
    recipe = ROOT.parent / "shared" / "docs" / "learning.md"
    if not recipe.exists():
        pytest.skip("Needs the recipe, which is not shipped: put it at ../shared/docs/learning.md.")
    section = recipe.read_text(encoding="utf-8").partition("## 1.")[2].partition("\n## 2.")[0]
    text = " ".join(section.split())
    at, between = text.index("Proposed:"), []
    for said, _, _ in rules():
        found = text.find(said, at)
        assert found >= 0, f"the recipe does not say {said!r} behind {text[at - 60 : at]!r}"
        between.append(text[at:found])
        at = found + len(said)
    longest = max([*between, text[at:]], key=lambda gap: len(re.findall(r"\w+", gap)))
    assert len(re.findall(r"\w+", longest)) <= 40, longest
