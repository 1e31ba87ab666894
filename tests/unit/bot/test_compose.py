"""Flow 1 without GitHub or database: rounds, lessons, repair, abstention, budgets."""

from dataclasses import replace

import pytest

from bot.compose import HINT, LEFT_OUT, compose
from bot.memory import Memory
from bot.plan import Mechanisms, Plan
from bot.reply import BOXES, answer_text, parse_marker
from learning.memory.index import PhraseIndex
from learning.prompt import Example
from storage.records import AnswerStatus, Phrase, PhraseKind, PhraseWeight
from storage.redaction import CUT
from tests.unit.bot.scripted import ScriptedModels
from tests.unit.bot.threads import NOW, post, question, thread

ASKED = question("Which file do the printer margins go into?")
READ = thread("I cannot find the settings.")


def lesson(kind, text="config.ini", right="conf/tool.yaml", weight=0.8, limit=0):
    phrase = Phrase(
        id=f"p_{kind.value}",
        repository_id=9,
        kind=kind,
        text=text,
        right=right,
        context="code",
        limit_words=limit,
    )
    return PhraseWeight(
        phrase=phrase, ups=1, downs=0, weight=weight, active=True, people=1, as_of=NOW, taught_at=NOW,
        contexts=(ASKED.text,), event_ids=("f_1",),
    )  # fmt: skip


def memory(*lessons, **more):
    return Memory(index=PhraseIndex.build(lessons), **more)


CORRECTION = lesson(PhraseKind.CORRECTION)
GOOD = "The settings go into `conf/tool.yaml` of your project."
WRONG = "The settings go into `config.ini` of your project."


def run(models, remembered=None, asked=ASKED, read=READ, **plan):
    return compose(asked, read, remembered or Memory(), models, Plan(**plan), NOW)


def test_one_round_is_enough_for_a_good_candidate():
    done = run(ScriptedModels([["", GOOD, "As an AI I cannot say.", ""]]))
    assert done.answer.text == GOOD and done.answer.status is AnswerStatus.PENDING
    assert len(done.generations) == 1 and len(done.candidates) == 4
    assert [c.guards for c in done.candidates] == [("empty",), (), ("refusal",), ("empty",)]
    assert done.answer.candidate_id == done.candidates[1].id
    assert parse_marker(done.answer.body).answer_id == ASKED.answer_id


def test_a_lesson_stands_in_the_prompt_and_in_the_answers_trace():
    models = ScriptedModels([[GOOD]])
    done = run(models, memory(CORRECTION))
    assert "`conf/tool.yaml`" in models.asked[0]["messages"][-1].content
    assert done.prompts[0].phrase_ids == done.answer.phrase_ids == ("p_correction",)
    assert done.generations[0].biased_phrase_ids == ("p_correction",) and models.asked[0]["biases"]


def test_a_broken_lesson_is_named_in_the_next_round_with_a_new_seed():
    models = ScriptedModels([[WRONG], [GOOD]])
    done = run(models, memory(CORRECTION))
    first, second = models.asked
    assert first["seed"] != second["seed"]
    assert "broke these rules" in second["messages"][-1].content
    assert "broke these rules" not in first["messages"][-1].content
    assert done.answer.text == GOOD and not done.answer.repairs and len(done.generations) == 2


def test_an_answer_that_recites_the_lesson_it_was_given_is_an_echo():
    limit = lesson(PhraseKind.LENGTH, text="", right="", limit=10)
    recited = "- Use at most 10 words.\n\nIn `conf/tool.yaml`."
    done = run(
        ScriptedModels([[GOOD + " Of course that is only so when it exists."], [recited], [GOOD]]),
        memory(limit),
    )
    assert [candidate.guards for candidate in done.candidates] == [(), ("echo",), ()]
    assert done.answer.text == GOOD


def test_a_lesson_that_no_candidate_keeps_is_carried_out_and_shown():
    models = ScriptedModels([[WRONG]])
    done = run(models, memory(CORRECTION))
    assert len(models.asked) == 3, "at most two more rounds"
    assert done.answer.text == GOOD and done.answer.repairs[0].before == "config.ini"
    assert "Repaired: `config.ini` → `conf/tool.yaml`" in done.answer.body
    assert done.candidates[0].violations == ("p_correction",)


def test_a_correction_that_nothing_can_carry_out_ends_in_an_abstention(monkeypatch):
    monkeypatch.setattr("bot.compose.repair", lambda text, lessons: (text, ()))
    done = run(ScriptedModels([[WRONG]]), memory(CORRECTION))
    assert done.answer.abstained and "config.ini" not in done.answer.text and done.answer.candidate_id is None


def test_the_best_of_all_rounds_is_kept():
    worse = "Nobody knows anything about it, ask again later on."
    done = run(
        ScriptedModels([[GOOD], [worse], [worse]]),
        memory(lesson(PhraseKind.MENTION, text="", right="docs/settings.md")),
        read=thread("Where?", post(11, "The settings go into `conf/tool.yaml`.")),
    )
    assert done.answer.text.startswith(GOOD) and "docs/settings.md" in done.answer.text


def test_silence_is_one_polite_sentence_without_asking_the_model():
    models = ScriptedModels([[GOOD]])
    done = run(models, memory(lesson(PhraseKind.SILENCE, text=ASKED.text, right="")))
    assert not models.asked and done.answer.abstained and done.answer.text.count(".") == 1
    assert done.answer.phrase_ids == ("p_silence",)


def test_an_answer_asks_in_its_fold_what_is_not_right_and_an_abstention_does_not():
    assert run(ScriptedModels([[GOOD]])).answer.body.count("- [ ]") == len(BOXES)
    assert "- [ ]" not in run(ScriptedModels([[""]])).answer.body


@pytest.mark.parametrize("text", ["", "  \n"])
def test_an_empty_question_gets_a_hint(text):
    models = ScriptedModels([[GOOD]])
    done = run(models, asked=replace(ASKED, text=text))
    assert done.answer.text == HINT.format(word="/ask") and not models.asked and done.answer.abstained


def test_nothing_usable_ends_in_an_abstention_after_three_rounds():
    models = ScriptedModels([[""]])
    done = run(models)
    assert len(models.asked) == 3 and done.answer.abstained and "people here" in done.answer.text


def test_without_mechanisms_there_is_one_candidate_and_no_trace_of_memory():
    bare, taught = ScriptedModels([[WRONG]]), ScriptedModels([[WRONG]])
    run(bare, mechanisms=Mechanisms.none())
    done = run(taught, memory(CORRECTION), mechanisms=Mechanisms.none())
    assert bare.asked == taught.asked and taught.asked[0]["n"] == 1
    assert done.answer.text == WRONG and not done.answer.phrase_ids


FAR = replace(CORRECTION, contexts=("How do I bake sourdough bread in a cold oven?",))


def test_a_lesson_that_only_a_retry_named_is_in_its_prompt_and_in_the_fold():
    done = run(ScriptedModels([[WRONG], [GOOD]]), memory(FAR))
    assert [prompt.phrase_ids for prompt in done.prompts] == [(), ("p_correction",)]
    assert done.answer.phrase_ids == parse_marker(done.answer.body).phrases == ("p_correction",)
    assert "Nothing that people taught me" not in done.answer.body


def test_a_lesson_that_chose_between_two_candidates_is_in_the_fold():
    done = run(ScriptedModels([[WRONG, GOOD]]), memory(FAR))
    assert done.answer.text == GOOD and len(done.generations) == 1
    assert done.answer.phrase_ids == ("p_correction",)


def test_an_abstention_names_the_lesson_that_it_is_for(monkeypatch):
    monkeypatch.setattr("bot.compose.repair", lambda text, lessons: (text, ()))
    done = run(ScriptedModels([[WRONG]]), memory(FAR))
    assert done.answer.abstained and done.answer.phrase_ids == ("p_correction",)
    assert "Nothing that people taught me" not in done.answer.body


def test_a_disliked_wording_that_the_picked_candidate_has_did_not_shape_it():
    disliked = lesson(PhraseKind.WORDING, text="of your project", right="", weight=-0.2)
    done = run(ScriptedModels([[GOOD, GOOD]]), memory(replace(disliked, contexts=FAR.contexts)))
    assert done.answer.text == GOOD and done.answer.phrase_ids == ()


def test_a_lesson_elsewhere_leaves_the_prompt_untouched_to_the_byte():
    far = replace(
        lesson(PhraseKind.MENTION, text="", right="CHANGELOG.md"), contexts=("When is the next party?",)
    )
    bare, taught = ScriptedModels([[GOOD]]), ScriptedModels([[GOOD]])
    run(bare), run(taught, memory(far))
    assert bare.asked == taught.asked


def test_the_nearest_examples_are_turns_before_the_question():
    models = ScriptedModels([[GOOD]])
    example = Example(
        question="Which file holds the printer margins?",
        text="conf/tool.yaml",
        url="https://github.com/o/r/1",
    )
    run(models, Memory(examples=(example,)))
    assert [m.role for m in models.asked[0]["messages"]] == ["system", "user", "assistant", "user"]
    run(models, Memory(examples=(example,)), mechanisms=Mechanisms(examples=False))
    assert [m.role for m in models.asked[1]["messages"]] == ["system", "user"]


@pytest.mark.parametrize("text", ["why? " * 12_000, "почему это так? " * 4_000, "为什么" * 20_000])
def test_a_huge_question_and_a_huge_thread_stay_within_the_context(text):
    models = ScriptedModels([[GOOD]])
    read = thread("body " * 9000, *(post(i, "word " * 200) for i in range(10, 510)))
    done = run(models, asked=replace(ASKED, text=text), read=read, context_tokens=900)
    assert all(prompt.tokens <= 900 for prompt in done.prompts)
    assert models.count_prompt(models.asked[0]["messages"]) > 700


def test_lessons_and_examples_never_push_a_prompt_over_a_small_context():
    broken = [
        replace(CORRECTION, phrase=replace(CORRECTION.phrase, id=f"p_{i}", text=f"old_{i}", right=f"new_{i}"))
        for i in range(60)
    ]
    said = "Use " + ", ".join(f"`old_{i}`" for i in range(60)) + "."
    liked = [Example(question=ASKED.text, text=f"An answer {i}. " + "word " * 120) for i in range(2)]
    models = ScriptedModels([[said], [said], [GOOD]])
    long = question("Which file do the printer margins go into? " + "please " * 300)
    done = run(models, memory(*broken, examples=tuple(liked)), asked=long, context_tokens=256)
    assert len(done.prompts) > 1
    assert all(models.count_prompt(prompt.messages) <= 256 for prompt in done.prompts)
    roomy = run(ScriptedModels([[said], [GOOD]]), memory(*broken, examples=tuple(liked)))
    assert len(roomy.prompts[1].messages) == 6, "where there is room both examples stand"


def test_the_same_question_asks_the_models_for_the_same():
    first, second = ScriptedModels([[GOOD]]), ScriptedModels([[GOOD]])
    assert run(first) == run(second) and first.asked == second.asked
    run(third := ScriptedModels([[GOOD]]), seed=1)
    assert third.asked[0]["seed"] != first.asked[0]["seed"]


def test_what_goes_out_is_sanitised_and_sourced():
    read = thread("Where?", post(11, "They are in `conf/tool.yaml`."))
    done = run(ScriptedModels([["It is `conf/tool.yaml`, ask @anna. Fixes #12."]]), read=read)
    assert "@anna" not in done.answer.text and "#12" not in done.answer.text
    assert done.why.sources == (("anna in this thread", read.posts[1].url),)
    assert "- Read: [anna in this thread](" in done.answer.body


def test_who_asked_with_a_secret_is_told_that_it_was_left_out_and_gets_an_answer():
    asked = question(f"Which file do the printer margins go into? I set {CUT} there.")
    done = run(ScriptedModels([[GOOD]]), asked=asked)
    assert done.answer.text == GOOD and LEFT_OUT in done.answer.body
    assert answer_text(done.answer.body) == GOOD, "an edit would be compared with that sentence"
    assert LEFT_OUT not in run(ScriptedModels([[GOOD]])).answer.body
