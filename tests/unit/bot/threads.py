"""Threads and questions to test with."""

from datetime import UTC, datetime, timedelta

from storage.records import Actor, Post, PostKind, Question, Thread

NOW = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
ANNA = Actor(id=1, login="anna")
CARL = Actor(id=2, login="carl")
BOT = Actor(id=3, login="ci[bot]", is_bot=True)
US = Actor(id=4, login="thumbprint[bot]", is_bot=True)


def post(number: int, body: str, author: Actor = ANNA, kind: PostKind = PostKind.COMMENT) -> Post:
    return Post(
        id=number,
        kind=kind,
        author=author,
        body=body,
        created_at=NOW + timedelta(minutes=number),
        url=f"https://github.com/o/r/issues/7#issuecomment-{number}",
        by_us=author is US,
    )


def thread(body: str = "It breaks.", *comments: Post, title: str = "A title") -> Thread:
    return Thread(
        repository_id=9,
        full_name="o/r",
        number=7,
        title=title,
        is_pull_request=False,
        locked=False,
        posts=(post(7, body, kind=PostKind.ISSUE), *comments),
    )


def question(text: str = "How do I run the tests?", post_id: int = 100) -> Question:
    return Question(
        repository_id=9,
        full_name="o/r",
        installation_id=5,
        number=7,
        post_id=post_id,
        post_kind=PostKind.COMMENT,
        asker=CARL,
        text=text,
        asked_at=NOW,
    )
