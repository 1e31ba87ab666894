"""Polls: what people did to our answers that no webhook tells of, or that none reached us with.

Reactions have no webhook; an edit, or a deletion, may have been missed. Which answers are looked at when is
`bot/polling.py`, what looking may cost `bot/spending.py`. GitHub is asked outside of transactions; what was
learned, and when an answer is looked at next, are one. Left out: who deleted a comment, which only a webhook
tells: a late one still teaches.

    thumbprint poll            # all answers, now
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import structlog

from bot import polling
from bot.context import Context
from bot.events import new_reactors, reaction_events
from bot.github import Client
from bot.github_shapes import Seen
from bot.history import editors, unlearned
from bot.learning_mode import follow_known
from bot.lessons import settle
from bot.proposals import Ruling, rulings_in
from bot.proposals import events as ruled_by
from bot.reasons import hidden_events, reasons_in
from bot.reply import with_boxes
from bot.spending import Ledger
from bot.time_slice import GoOn, endless
from learning.memory.hearing import disliked
from storage.errors import GitHubUnavailable, Gone, OverBudget, RateLimited, Retryable, ThumbprintError
from storage.records import Actor, Answer, Change, Feedback, Permission, Proposal, Turn

log = structlog.get_logger()

Clock = Callable[[], datetime]


def _now() -> datetime:
    return datetime.now(UTC)


def poll(
    context: Context, everything: bool = False, clock: Clock = _now, go_on: GoOn = endless
) -> list[Change]:
    """Look at the answers that are due, or at all, and fold what is new; returns what changed.

    As far as the share of the rate limit and the time reach: the rest is due still, and first the next time.
    One repository's failure does not keep the others from being looked at.
    """
    now = clock()
    since = now - timedelta(days=context.settings.poll_days)
    with context.database.unit(read_only=True) as unit:
        turns = unit.polls.turns(since, None if everything else now)
    changes: list[Change] = []
    ledgers: dict[int, Ledger] = {}
    spent: set[int] = set()
    calls = deque(polling.batches(turns, now, context.settings.poll_s))
    while calls:
        if not go_on():
            log.info("poll_cut_short", left=len(calls))
            break
        batch = calls.popleft()
        place = batch[0]
        if place.installation_id in spent:
            continue
        ledger = ledgers.setdefault(
            place.installation_id, Ledger(context.database, place.installation_id, clock)
        )
        try:
            changes += _Look(context, batch, ledger, clock, go_on).carry_out()
        except RateLimited as error:
            spent.add(place.installation_id)
            log.info("poll_waits", installation=place.installation_id, reason=str(error))
        except ThumbprintError as error:
            log.warning("poll_failed", repository=place.repository_id, error=str(error))
            if not isinstance(error, Retryable) or isinstance(error, GitHubUnavailable):
                _put_off(context, batch, clock())
        except Exception:  # nobody foresaw it, and it may be one answer's alone: each is looked at by itself
            log.exception("poll_failed", repository=place.repository_id, answers=len(batch))
            _put_off(context, batch, clock())
            calls.extend((turn,) for turn in batch if len(batch) > 1)
    return changes


def _put_off(context: Context, batch: Sequence[Turn], now: datetime) -> None:
    """Leave answers that GitHub refuses to show, or cannot, for their next turn.

    Due still, they would be first in each round, and take the time of all others.
    """
    with context.database.unit() as unit:
        at = {turn.answer_id: polling.next_look(turn, now, context.settings.poll_s) for turn in batch}
        unit.polls.looked(at, {turn.answer_id: turn.seen for turn in batch})
        unit.commit()


class _Look:
    """One call's worth of answers in one repository."""

    def __init__(
        self, context: Context, batch: Sequence[Turn], ledger: Ledger, clock: Clock, go_on: GoOn
    ) -> None:
        self._context, self._clock, self._go_on = context, clock, go_on
        self._turns = {turn.answer_id: turn for turn in batch}
        self._repository_id = batch[0].repository_id
        self._client: Client = context.github.client(
            batch[0].installation_id, self._repository_id, writes=False, meter=ledger
        )
        self._name = ""
        self._asks = True
        self._permissions: dict[int, Permission] = {}
        self._edited: set[str] = set()
        self._proposals: dict[str, list[Proposal]] = {}
        self._ruled: list[Ruling] = []

    def carry_out(self) -> list[Change]:
        """Look, ask who may what, and keep it. Raises OverBudget where something had to be left for later."""
        with self._context.database.unit(read_only=True) as unit:
            answers = unit.answers.posted(self._turns)
            known = unit.feedback.of_answers([answer.id for answer in answers])
            self._proposals = {answer.id: unit.proposals.of_answer(answer.id) for answer in answers}
        looked = self._client.look([answer.comment_node_id for answer in answers])
        events: list[Feedback] = []
        done: dict[str, str] = {}
        gone: list[Answer] = []
        cut_short: OverBudget | None = None
        for number, answer in enumerate(answers):
            if answer.comment_node_id not in looked:
                continue
            if number and not self._go_on():
                break
            seen = looked[answer.comment_node_id]
            try:
                if seen is None:
                    gone += [answer] if self._is_gone(answer) else []
                    done[answer.id] = self._turns[answer.id].seen
                    continue
                events += self._events(answer, known[answer.id], seen)
                # A history whose editors could not all be asked about is read again.
                done[answer.id] = seen.edits if self._asks else self._turns[answer.id].seen
            except OverBudget as error:
                cut_short = error
                break
        changes = self._keep(answers, events, done, gone)
        if cut_short is not None:
            raise cut_short
        return changes

    def _events(self, answer: Answer, known: Sequence[Feedback], seen: Seen) -> list[Feedback]:
        """What is new about one answer, with the permission of each person."""
        made: list[Feedback] = []
        ruled: list[Ruling] = []
        if seen.edits != self._turns[answer.id].seen:
            history = self._client.history(answer.comment_node_id)
            if history is not None:
                made = unlearned(answer, known, history) + reasons_in(answer, known, history)
                ruled = rulings_in(self._proposals[answer.id], history)
            self._edited |= {answer.id} if made or ruled else set()
        people = editors(made) | {one.actor.id: one.actor for one in ruled}
        may = {key: self._may(actor, edits=True) for key, actor in people.items()}
        made = [
            replace(event, permission=may.get(event.actor.id) or event.permission)
            for event in made
            if may.get(event.actor.id, Permission.NONE) is not None
        ]
        granted = {key: permission for key, permission in may.items() if permission is not None}
        said, counted = ruled_by(answer, known, ruled, granted)
        made += said
        self._ruled += counted
        made += hidden_events(answer, known, seen.hidden, self._clock())
        thumbs = {one.id: self._may(one) for one in new_reactors(known, seen.reactions)}
        heard = {key: permission for key, permission in thumbs.items() if permission is not None}
        fresh = reaction_events(answer, known, seen.reactions, heard, self._clock())
        if disliked(fresh) and with_boxes(answer.body) != answer.body:
            self._edited.add(answer.id)
        return made + fresh

    def _may(self, actor: Actor, edits: bool = False) -> Permission | None:
        """What a person may do now, asked once a look; None where budget or time leave that for the next one.

        A crowd of newcomers under one answer keeps nobody from being heard under the others.
        """
        if self._asks and self._permissions and not self._go_on():
            self._asks = False
        if actor.id not in self._permissions and self._asks:
            ask = self._context.permissions.anew if edits else self._context.permissions.for_use
            try:
                said = ask(self._client, self._repository_id, self._here(), actor)
                self._permissions[actor.id] = said
            except OverBudget as error:
                self._asks = False
                log.info("permissions_wait", repository=self._repository_id, reason=str(error))
        return self._permissions.get(actor.id)

    def _here(self) -> str:
        """The repository's name today."""
        self._name = self._name or self._client.repository(self._repository_id).full_name
        return self._name

    def _is_gone(self, answer: Answer) -> bool:
        """Whether a comment that GraphQL does not find is gone, and not merely late or out of sight."""
        full_name = self._here()
        try:
            self._client.read_post(full_name, answer.comment_kind, answer.comment_id or 0)
        except Gone:
            return True
        return False

    def _keep(
        self,
        answers: Sequence[Answer],
        events: Sequence[Feedback],
        done: dict[str, str],
        gone: Sequence[Answer],
    ) -> list[Change]:
        """What was learned, what is gone, and when each answer is looked at again: one transaction."""
        now = self._clock()
        if events:
            follow_known(self._context, self._repository_id)
        with self._context.database.unit() as unit:
            changes = settle(unit, events, self._ruled, now)
            for answer in gone:  # in a second comment, perhaps, that was deleted meanwhile for an older one
                unit.postings.vanished(answer)
            poll_s = self._context.settings.poll_s
            at = {one: polling.next_look(self._turns[one], now, poll_s) for one in done}
            unit.polls.looked(at, done)
            repository = unit.repositories.get(self._repository_id)
            for answer in answers:
                if answer.id in self._edited and repository is not None:
                    self._context.queue.put_refresh(unit, answer.question, repository.revision)
            unit.commit()
        if events or gone:
            log.info(
                "feedback_polled",
                repository=self._repository_id,
                events=len(events),
                changes=len(changes),
                gone=len(gone),
            )
        return changes
