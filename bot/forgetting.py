"""A person's data, forgotten on request: what is erased, what stays without a name, and what is learned anew.

| what | becomes |
| --- | --- |
| their reactions, deletions, retractions, and edits that nobody built on | erased |
| an edit of theirs that others edited or voted on since | stays, nobody's: it teaches nothing |
| what their replies proposed, in the folds of answers | erased |
| what they decided about others' proposals | stays decided, by nobody |
| their questions | without text and name; whether and what was answered stays |
| answers to those that were not posted yet, drafts too | never are, and are left without words |
| what quoted them: prompts, texts that were not picked, the context of lessons | erased |
| webhooks that are kept | without their person, and without what they wrote |
| what they taught | weights as if they had never taught; lessons of theirs alone are erased |
| what they had forgotten | stays forgotten, without their name; what they took back of their own is moot |
| comments on GitHub: "learned from", "taught by", "in this thread" | written anew, without their name |

Kept is one audit row with numbers, and a hash of the person's number (`storage/people.py`), so that what they
did until now is not taken in again. What they do from now on is new. Left out: what stands on GitHub in their
own name, and in the text of a reply to `/ask why`; logs and backups, which are the operator's; their words in
prompts of threads in which no kept webhook and no question shows them.
Run: `thumbprint forget-user LOGIN`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from datetime import datetime
from typing import Any

from bot import lessons
from bot.control import cancel
from bot.queue import JobName, Queue
from storage.audits import FORGOT_USER
from storage.database import UnitOfWork
from storage.erasure import IN_LOG
from storage.records import AnswerStatus, Audit, Decision, Feedback, FeedbackKind, Learning
from storage.rights import GHOST

FORGOTTEN = "whoever asked was forgotten"

THEIRS = ("title", "body", "body_text", "body_html", "head", "auto_merge", "label", "ref", "repo")
"""What goes of a post or a branch of theirs. Nobody reads the last five, which name them and their fork."""

Counts = dict[str, int]


def known_as(unit: UnitOfWork, login: str) -> set[int]:
    """The numbers of the people whom a login names, in any case, in a table or in a kept webhook alone."""
    named = {number for number, name in _accounts(unit, login) if name.lower() == login.lower()}
    return unit.people.ids_of(login) | named - {0}


def forget_name(unit: UnitOfWork, login: str, now: datetime) -> Counts:
    """Forget a login of which no number is known: whoever decided, and did nothing else that is kept."""
    counts = {"decisions": unit.people.unname_decisions({login})}
    if not counts["decisions"]:
        return {}
    unit.progress.set_mark(IN_LOG, now)
    unit.audits.add(Audit(at=now, act=FORGOT_USER, counts=counts))
    return counts


def forget_user(unit: UnitOfWork, queue: Queue, actor_id: int, now: datetime) -> Counts:
    """Forget one person everywhere; returns how many rows of what. The caller commits, or only looks.

    A second time there is nothing to forget, and nothing is written.
    """
    counts: Counts = {}
    told_of = {name for number, name in _accounts(unit, str(actor_id)) if number == actor_id}
    logins = unit.people.logins_of(actor_id) | told_of
    repositories = sorted(unit.people.repositories_of(actor_id))
    asked = unit.people.questions_of(actor_id)
    quotes = _quotes(unit, asked, logins)
    _let_go(unit, queue, asked, now)
    threads = _add(counts, "deliveries", _redact_deliveries(unit, actor_id))
    quoting = unit.people.prompts_quoting({*asked, *_in_threads(unit, threads)}, quotes)
    _count(counts, "prompts", unit.people.empty_prompts(quoting))
    told = unit.people.unname_bodies(logins)
    _count(counts, "bodies", len(told))
    touched: dict[int, set[str]] = {}
    events: set[str] = set()
    for repository_id in repositories:
        known = unit.feedback.of_repository(repository_id)
        theirs = [event for event in known if event.actor.id == actor_id]
        events |= {event.id for event in theirs}
        touched[repository_id] = _taught(unit, theirs, asked)
        told |= {event.answer_id for event in theirs if event.kind in (FeedbackKind.EDIT, FeedbackKind.REPLY)}
        links = _links(theirs, known)
        _count(counts, "events", unit.people.drop_events({one.id for one in theirs} - links))
        _count(counts, "events_unnamed", unit.people.unname_events(links))
    shown_in = unit.people.drop_proposals(actor_id)
    _count(counts, "proposals", len(shown_in))
    told |= set(shown_in)
    _count(counts, "decisions", unit.people.unname_decisions(logins))
    _count(counts, "questions", unit.people.empty_questions(asked))
    _count(counts, "forgettings", unit.people.unname_forgetting(actor_id))
    for repository_id in repositories:
        touched[repository_id] |= _learn_anew(unit, repository_id, actor_id, asked, now)
        gone = unit.people.drop_phrases(touched[repository_id], events)
        _count(counts, "phrases", gone)
    counts = {name: number for name, number in counts.items() if number}
    if not counts:
        return {}
    unit.people.forget(actor_id, now)
    unit.progress.set_mark(IN_LOG, now)
    _tell(unit, queue, told, now)
    unit.audits.add_now(Audit(at=now, act=FORGOT_USER, counts=counts))
    return counts


def _let_go(unit: UnitOfWork, queue: Queue, asked: Collection[str], now: datetime) -> None:
    """End what is under way for somebody's questions: it would read their words on GitHub once more."""
    jobs: list[str] = []
    places: dict[int, list[str]] = {}
    for answer_id in asked:
        question = unit.answers.question(answer_id)
        if question is not None:
            kind = question.post_kind.value
            jobs.append(f"{JobName.ANSWER.value}/{question.repository_id}/{kind}/{question.post_id}")
            places.setdefault(question.repository_id, []).append(f"{JobName.POST.value}/{answer_id}/")
        unit.drafts.decide(answer_id, Decision.DISCARDED, now)
    for repository_id, begins in places.items():
        ids = unit.jobs.of_repository(repository_id)
        jobs += [one for one in ids if one.startswith(tuple(begins))]
    cancel(queue.database, unit, jobs, FORGOTTEN)
    unit.people.drop_unposted(asked)


def _links(theirs: Collection[Feedback], known: Collection[Feedback]) -> set[str]:
    """Edits that others built on: without them nobody could say who changed what."""
    mine = {event.id for event in theirs}
    return {
        event.id
        for event in theirs
        if event.kind is FeedbackKind.EDIT
        and any(
            other.answer_id == event.answer_id and other.id not in mine and other.at >= event.at
            for other in known
        )
    }


def _taught(unit: UnitOfWork, theirs: Collection[Feedback], asked: Collection[str]) -> set[str]:
    """The phrases that their events and their questions' answers speak about."""
    ids = {event.answer_id for event in theirs} | set(asked)
    return unit.phrases.about(ids)


def _learn_anew(
    unit: UnitOfWork, repository_id: int, actor_id: int, asked: Collection[str], now: datetime
) -> set[str]:
    """Weights as if the person had never taught: by a replay; where learning rests, without their share."""
    repository = unit.repositories.get(repository_id)
    if repository is not None and repository.learning is Learning.ON:
        lessons.replay(unit, repository_id, now)
        return set()
    stale = unit.people.drop_evidence(actor_id, repository_id) | unit.people.empty_evidence(asked)
    lessons.reweigh(unit, repository_id, stale, now)
    return stale


def _quotes(unit: UnitOfWork, asked: Collection[str], logins: Collection[str]) -> set[str]:
    """What is looked for in prompts: the logins as mentions, and the texts of the questions."""
    found = {f"@{login}" for login in logins}
    for answer_id in asked:
        question = unit.answers.question(answer_id)
        if question is not None and len(question.text) >= 20:
            found.add(question.text)
    return found


def _in_threads(unit: UnitOfWork, threads: Collection[tuple[int, int]]) -> set[str]:
    return {one.id for place in threads for one in unit.answers.asked_in(*place)}


def _redact_deliveries(unit: UnitOfWork, actor_id: int) -> set[tuple[int, int]]:
    """Take the person out of kept webhooks; returns the threads that those were about."""
    threads: set[tuple[int, int]] = set()
    for number, body in unit.people.deliveries_holding(str(actor_id)):
        try:
            payload = json.loads(body)
        except ValueError:
            continue
        bare = redacted(payload, actor_id)
        if bare != payload:
            unit.people.rewrite_delivery(number, json.dumps(bare, separators=(",", ":")).encode())
            threads.add(_thread(payload))
    return threads


def _accounts(unit: UnitOfWork, word: str) -> Iterator[tuple[int, str]]:
    """The people in those kept webhooks in which a login or a number occurs: number and login of each."""
    for _, body in unit.people.deliveries_holding(word):
        try:
            yield from people_in(json.loads(body))
        except ValueError:
            continue


def people_in(said: Any) -> Iterator[tuple[int, str]]:
    """Number and login of each person in a payload, organisations left out. Pure."""
    if isinstance(said, list):
        for one in said:
            yield from people_in(one)
    elif isinstance(said, Mapping):
        number, login = said.get("id"), said.get("login")
        if isinstance(number, int) and isinstance(login, str) and said.get("type") != "Organization":
            yield number, login
        for one in said.values():
            yield from people_in(one)


def redacted(said: Any, actor_id: int) -> Any:
    """A payload without a person: their account is nobody's, and what it wrote has no words. Pure."""
    if isinstance(said, list):
        return [redacted(one, actor_id) for one in said]
    if not isinstance(said, Mapping):
        return said
    if said.get("id") == actor_id and "login" in said:
        return {"id": 0, "login": GHOST, "type": "User"}
    author = said.get("user")
    wrote = isinstance(author, Mapping) and author.get("id") == actor_id
    bare: dict[str, Any] = {
        key: "" if wrote and key in THEIRS else redacted(value, actor_id) for key, value in said.items()
    }
    editor, post = said.get("sender"), said.get("comment") or said.get("issue")
    by_them = isinstance(editor, Mapping) and editor.get("id") == actor_id
    theirs = isinstance(post, Mapping) and (post.get("user") or {}).get("id") == actor_id
    if "changes" in bare and (by_them or theirs):
        bare["changes"] = {}
    if by_them and said.get("action") == "edited":
        for key in ("comment", "issue", "pull_request"):
            if isinstance(bare.get(key), dict):
                bare[key]["body"] = ""
    return bare


def _thread(payload: Mapping[str, Any]) -> tuple[int, int]:
    issue = payload.get("issue") or payload.get("pull_request") or {}
    number, repository = issue.get("number"), (payload.get("repository") or {}).get("id")
    return (repository if isinstance(repository, int) else 0, number if isinstance(number, int) else 0)


def _tell(unit: UnitOfWork, queue: Queue, answer_ids: Collection[str], now: datetime) -> None:
    """Have the comments that name them written anew: each by a job, also where no weight moved."""
    for answer_id in sorted(answer_ids):
        answer = unit.answers.get(answer_id)
        repository = answer and unit.repositories.get(answer.question.repository_id)
        if answer and repository and answer.status is AnswerStatus.POSTED:
            queue.put_refresh(unit, answer.question, f"{repository.revision}-{now.timestamp():.6f}")


def _add(counts: Counts, name: str, threads: set[tuple[int, int]]) -> set[tuple[int, int]]:
    _count(counts, name, len(threads))
    return threads


def _count(counts: Counts, name: str, number: int) -> None:
    counts[name] = counts.get(name, 0) + number
