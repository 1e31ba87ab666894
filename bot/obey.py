"""Carrying out a thread command: its effect and its reply are one transaction, so that neither happens twice.

What may be done is asked of GitHub anew where something changes or is laid open. A forget is carried out for
whoever the table lets, also beyond a quota; only its reply falls under the quota. Left out: what a command
is and what refusals say (`bot/slash.py`), posting (`bot/answer.py`).
Run: `pytest tests/integration/test_who_may.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import structlog

from bot import promoting, undo
from bot.admission import Asker
from bot.config import PATH, Effective
from bot.configurations import to_tell
from bot.context import Context
from bot.github import Client
from bot.in_force import in_force
from bot.learning_mode import follow
from bot.notices import notice
from bot.provenance import Owner
from bot.quotas import Limits
from bot.reply import directed, say
from bot.sanitise import code_span
from bot.slash import MINE, RIGHTS, Asked, Command, comment_in, help_text, people, refused
from bot.wording import number
from storage.database import UnitOfWork
from storage.errors import ConfigurationError
from storage.records import Answer, Learning, Permission, Phrase, PostKind, Question, Repository
from storage.rights import What, may

log = structlog.get_logger()

SHOWN = 10
"""Lessons that one reply names at most."""
LOOKED_AT = 200

NO_ANSWER = "I find no answer of mine here to explain."
NO_LESSON = "I know no such lesson here: `{word} show` names the heaviest with their ids."
MAINTAINERS = "a maintainer"
"""Who rolls back in a thread, in the row, which outlives a person's name."""
NOT_PROMOTED = (
    "No adapter is in force for this repository alone, so there is none to roll back here: what answers "
    "others too is my operator's, and `model:` in the repository's file chooses another."
)
PENDING = "What you said while learning was frozen teaches me nothing."
HOW_TO_FORGET = (
    "Say what: `{word} forget mine`, a lesson's id from `{word} show`, or its wording between backticks."
)


def obey(
    context: Context,
    client: Client,
    question: Question,
    repository: Repository,
    asker: Asker,
    asked: Asked,
    chosen: Effective,
) -> None:
    """Carry a command out and keep its reply, PENDING; once, however often this is called."""
    permission = asker.permission
    if RIGHTS[asked.command] is not What.ASK:
        permission = context.permissions.anew(client, repository.id, repository.full_name, question.asker)
    says_no = not may(question.asker, permission, RIGHTS[asked.command]).allowed
    if not says_no and asked.command in (Command.FREEZE, Command.UNFREEZE, Command.CONFIG):
        chosen = follow(context, client, repository, anew=True)
    with context.database.unit() as unit:
        if unit.answers.is_composed(question.answer_id):
            return
        curates = may(question.asker, permission, What.CURATE).allowed
        if says_no:
            text = refused(asked.command)
        else:
            text = _Obedience(context, unit, question, repository, chosen, asker, curates).carry_out(asked)
        made: Answer = notice(
            context.settings,
            question,
            text,
            asked.command.value,
            datetime.now(UTC),
            silent=not (asker.admission.granted or asker.admission.told),
            word=chosen.word,
        )
        unit.answers.save(context.signer.sign_answer(made))
        unit.commit()
    log.info("command_obeyed", answer=made.id, command=asked.command.value, refused=says_no)


class _Obedience:
    """One command's effect and words, inside one transaction."""

    def __init__(
        self,
        context: Context,
        unit: UnitOfWork,
        question: Question,
        repository: Repository,
        chosen: Effective,
        asker: Asker,
        curates: bool,
    ) -> None:
        self._context, self._unit, self._question, self._config = context, unit, question, chosen.config
        self._chosen = chosen
        self._here = unit.repositories.upsert(repository)
        self._asker, self._curates = asker, curates
        self._word = chosen.word
        self._now = datetime.now(UTC)

    def carry_out(self, asked: Asked) -> str:
        """Do what a command asks for; returns the reply."""
        match asked.command:
            case Command.HELP:
                return help_text(self._asker.row, Limits.of(self._context.settings, self._config), self._word)
            case Command.SHOW:
                return self._show()
            case Command.WHY:
                return self._why(asked.target)
            case Command.FORGET:
                return self._forget(asked)
            case Command.FREEZE:
                return self._learn(Learning.FROZEN)
            case Command.UNFREEZE:
                return self._learn(Learning.ON)
            case Command.ROLLBACK:
                return self._roll_back()
            case Command.CONFIG:
                return self._settings()

    def _show(self) -> str:
        heaviest = self._unit.phrases.search(self._here.id, "", LOOKED_AT)
        acting = [weight for weight in heaviest if weight.active]
        if not acting:
            return f"Nothing that people taught me here acts yet; learning is {self._here.learning.value}."
        total = self._unit.phrases.count(self._here.id)
        head = f"What I learned here, the heaviest of {total}; learning is {self._here.learning.value}:"
        lines = [
            f"- {directed(weight.phrase, weight.weight)} ({number(weight.weight)}, "
            f"{weight.people} {'person' if weight.people == 1 else 'people'}): {code_span(weight.phrase.id)}"
            for weight in acting[:SHOWN]
        ]
        return "\n".join([head, "", *lines, "", f"`{self._word} forget` with an id takes one back."])

    def _why(self, target: str) -> str:
        answer = self._answer(target)
        if answer is None:
            return NO_ANSWER
        story = self._unit.answers.story(answer.id)
        attempts = story.attempts if story else ()
        weights = self._unit.phrases.weights_of(answer.phrase_ids)
        phrases = self._unit.phrases.phrases_of(answer.phrase_ids)
        evidence = self._unit.phrases.evidence_of(answer.phrase_ids)
        asked = " ".join(answer.question.text.split())[:80]
        lines = [f"To {code_span(asked)}:" if asked else "To a question without words:", ""]
        for phrase_id, phrase in list(phrases.items())[:SHOWN]:
            weight = weights.get(phrase_id)
            who = list(dict.fromkeys(code_span(f"@{one.actor_login}") for one in evidence[phrase_id]))[:3]
            by = f"taught by {', '.join(who)}" if who else "taken back since"
            lines.append(f"- Learned: {directed(phrase, weight.weight if weight else 0.0)}, {by}")
        if not phrases:
            lines.append("- Nothing that people taught me here concerned this question.")
        lines += [f"- Repaired: {code_span(r.before)} → {code_span(r.after)}" for r in answer.repairs[:SHOWN]]
        if answer.abstained:
            lines.append(f"- I abstained: {code_span(answer.abstained)}")
        written = sum(len(attempt.candidates) for attempt in attempts)
        models = list(dict.fromkeys(a.generation.model for a in attempts if a.generation))
        by = f" by {', '.join(code_span(model) for model in models)}" if models else ""
        lines.append(f"- The best of {written} candidates in {len(attempts)} attempts{by}.")
        return "\n".join([*lines, "", f"The whole story: `thumbprint why {answer.id}` on my server."])

    def _answer(self, target: str) -> Answer | None:
        """The newest answer of the thread, or the one that is named, if it is this repository's."""
        answers = self._unit.answers
        if not target:
            return next(iter(answers.of_thread(self._here.id, self._question.number)), None)
        linked = comment_in(target)
        if linked is None:
            found = answers.get(target.lower())
        else:
            kind = PostKind.REVIEW_COMMENT if linked[0] else PostKind.COMMENT
            found = answers.by_comment(self._here.id, linked[1], kind)
        if found is None or found.question.repository_id != self._here.id or found.notice:
            return None
        return found

    def _forget(self, asked: Asked) -> str:
        if not asked.target:
            return HOW_TO_FORGET.format(word=self._word)
        pending = self._forget_pending() if asked.target == MINE and not asked.words else 0
        phrases = self._phrases(asked)
        if not phrases:
            nothing = NO_LESSON.format(word=self._word)
            if asked.target != MINE:
                return nothing
            return PENDING if pending else "You taught me nothing here that still counts."
        forgotten: list[Phrase] = []
        withdrawn: list[Phrase] = []
        for phrase in phrases:
            taught = {one.actor_id for one in self._unit.phrases.evidence_of([phrase.id])[phrase.id]}
            if self._curates and not (asked.target == MINE and not asked.words):
                undo.forget(self._unit, self._context.queue, phrase.id, self._question.asker, self._now)
                forgotten.append(phrase)
            elif self._question.asker.id in taught:
                undo.withdraw(self._unit, self._context.queue, phrase.id, self._question.asker, self._now)
                (withdrawn if len(taught) > 1 else forgotten).append(phrase)
        if not forgotten and not withdrawn:
            return refused(Command.FORGET)
        return "\n".join(
            [
                *_named("Forgotten, until somebody teaches it anew:", forgotten),
                *_named("What you taught of it counts no more; others taught it too:", withdrawn),
                *(
                    [f"Only {people(What.CURATE)} may make me forget what others taught."]
                    if withdrawn
                    else []
                ),
            ]
        )

    def _forget_pending(self) -> int:
        """Have what the asker said while learning was frozen never be used; how much it was."""
        here, asker = self._here.id, self._question.asker
        return len(self._unit.feedback.asked_about(here, asker.id, Permission.NONE))

    def _phrases(self, asked: Asked) -> list[Phrase]:
        """The lessons of this repository that a forget names."""
        store = self._unit.phrases
        if asked.words:
            wanted = asked.target.casefold()
            found = [weight.phrase for weight in store.search(self._here.id, asked.target, LOOKED_AT)]
            return [one for one in found if wanted in (one.text.casefold(), one.right.casefold())]
        if asked.target == MINE:
            ids = store.taught_by(self._here.id, self._question.asker.id)
        else:
            ids = {asked.target}
        known = store.phrases_of(ids)
        standing = store.evidence_of(known)
        return [known[i] for i in sorted(known) if known[i].repository_id == self._here.id and standing[i]]

    def _learn(self, learning: Learning) -> str:
        if self._config.learning and self._config.learning != learning.value:
            said = code_span(f"learning: {self._config.learning}")
            return (
                f"{code_span(PATH)} or my organisation's file says {said}, and that holds: change it there."
            )
        if self._here.learning is learning:
            return f"Learning is {learning.value} here already."
        undo.set_learning(self._unit, self._context.queue, self._here.id, learning, self._now)
        if learning is Learning.FROZEN:
            return f"Frozen: feedback is recorded and changes nothing until `{self._word} unfreeze`."
        return "I learn again, and soon from what was said meanwhile by those who may still teach me."

    def _roll_back(self) -> str:
        """What was promoted for this repository alone: what answers others too is the operator's."""
        here = Owner(installation_id=self._here.installation_id, repository_id=self._here.id)
        reason = f"{self._word} rollback, {self._question.answer_id}"
        try:
            made = promoting.rollback(self._unit, here, self._now, by=MAINTAINERS, reason=reason)
        except ConfigurationError:
            return NOT_PROMOTED
        log.info("rolled_back", repository=self._here.id, answer=self._question.answer_id)
        former = made.adapter or promoting.deployed(self._unit, here)
        named = f"adapter {code_span(former[:12])}" if former else "the model without an adapter"
        return f"Rolled back: from the next question on {named} answers here."

    def _settings(self) -> str:
        """What holds, and whence; who reads this need not be told in an answer what is wrong."""
        rows = in_force(self._context.settings, self._chosen, self._here.learning)
        lines = ["| setting | in force | from |", "| --- | --- | --- |"]
        for name, value in rows.items():
            whence = self._chosen.origin(name).value
            if name == "learning" and not self._config.learning and self._here.learning is not Learning.ON:
                whence = "somebody here"
            lines.append(f"| {code_span(name)} | {value} | {whence} |")
        if self._chosen.problems:
            to_tell(self._unit, self._here.id, self._question.answer_id, self._chosen)
            lines += ["", "What is wrong with the files:", "", *(f"- {one}" for one in self._chosen.problems)]
        return "\n".join(lines)


def _named(head: str, phrases: Sequence[Phrase]) -> list[str]:
    if not phrases:
        return []
    lines = [f"- {say(phrase)}" for phrase in phrases[:SHOWN]]
    more = [f"- and {len(phrases) - SHOWN} more"] if len(phrases) > SHOWN else []
    return [head, "", *lines, *more, ""]
