"""What a new playground starts with: two small repositories and a few issues, of our own writing.

Each issue names a wrong command or file that a small model likes to repeat, so that one can correct it.
Seeding fires no webhook: what was there before the app was installed is not delivered.
"""

from __future__ import annotations

import secrets
from datetime import timedelta

from webhooks.playground import people
from webhooks.playground.state import State
from webhooks.playground.things import Comment, Installation, Issue, Repository, Revision

INKWELL_README = """# inkwell

Turns a folder of Markdown notes into one printable book.

    from inkwell import Book
    Book.open("notes/").print_to("book.pdf")
"""
SAILCLOTH_README = """# sailcloth

Reads weather-station files into plain Python lists.
"""

ISSUES = (
    (
        people.CONTRIBUTOR,
        "How do I run the tests?",
        "I cloned the repository and would like to send a fix for the table of contents.\n\n"
        "In my other projects I run `python setup.py test` before I open a pull request. "
        "I found a `tests/` folder here, but nothing in the README.",
        ("question",),
        (
            (
                people.SECOND_CONTRIBUTOR,
                "I had the same question last week. If there is an answer, it should go into CONTRIBUTING.",
            ),
        ),
    ),
    (
        people.STRANGER,
        "Where do I put the page size?",
        "My book comes out as A4 and I need A5:\n\n"
        '```python\nfrom inkwell import Book\n\nbook = Book.open("notes/")\nbook.print_to("b.pdf")\n```\n\n'
        "I tried a file `settings.json` next to my notes, as another tool has it. Nothing changed. "
        "Which file does the page size go into?",
        ("question", "documentation"),
        (),
    ),
    (
        people.SECOND_CONTRIBUTOR,
        "How do I install inkwell for development?",
        "I want to change the code and see the effect at once. Is `pip install inkwell` enough?",
        ("question",),
        (
            (people.CONTRIBUTOR, "Which Python do you have? 3.11 is the oldest one that works."),
            (people.SECOND_CONTRIBUTOR, "3.12, in a fresh virtual environment."),
        ),
    ),
)
ELSEWHERE = (
    (
        people.CONTRIBUTOR,
        "How do I run the tests here?",
        "Same question as for inkwell, but it is another project with other habits.",
        ("question",),
        (),
    ),
)


def plant(state: State) -> None:
    """Fill an empty playground; leave any other as it is."""
    with state.change():
        people.settle(state)
        own = state.credentials.installation_id
        if own not in state.installations:
            state.keep(Installation(id=own, account=people.OWNER, created_at=state.clock()))
        if state.repositories:
            return
        first_id = 10_000_000 + secrets.randbelow(80_000_000)
        inkwell = add_repository(
            state,
            first_id,
            "inkwell",
            "Turns a folder of Markdown notes into one printable book.",
            INKWELL_README,
        )
        sailcloth = add_repository(
            state,
            first_id + 1,
            "sailcloth",
            "Reads weather-station files into plain Python lists.",
            SAILCLOTH_README,
        )
        for repository, issues in ((inkwell, ISSUES), (sailcloth, ELSEWHERE)):
            for age, (author, title, body, labels, comments) in enumerate(issues):
                _plant_issue(state, repository, 3 - age, author, title, body, labels, comments)


def add_repository(
    state: State,
    repository_id: int,
    name: str,
    description: str = "",
    readme: str = "",
    *,
    owner: str = people.OWNER,
    private: bool = False,
    installed: bool = True,
) -> Repository:
    """A repository with the usual people; `installed` says whether the app is."""
    repository = Repository(
        id=repository_id,
        owner=owner,
        name=name,
        description=description,
        created_at=state.clock() - timedelta(days=400),
        installation_id=state.credentials.installation_id if installed else None,
        private=private,
        collaborators=dict(people.COLLABORATORS),
        files={"README.md": readme} if readme else {},
        topics=["python"],
    )
    state.keep(repository)
    return repository


def _plant_issue(
    state: State,
    repository: Repository,
    days_ago: int,
    author: str,
    title: str,
    body: str,
    labels: tuple[str, ...],
    comments: tuple[tuple[str, str], ...],
) -> None:
    at = state.clock() - timedelta(days=days_ago, hours=5)
    issue = Issue(
        id=state.next_id("issue"),
        repository_id=repository.id,
        number=state.next_number(repository.id),
        author=author,
        title=title,
        body=body,
        labels=list(labels),
        created_at=at,
        updated_at=at,
        revisions=[Revision(id=state.next_id("revision"), editor=author, at=at, body=body)],
    )
    state.keep(issue)
    for index, (login, text) in enumerate(comments, 1):
        said = at + timedelta(hours=index)
        comment = Comment(
            id=state.next_id("issue_comment"),
            repository_id=repository.id,
            number=issue.number,
            author=login,
            body=text,
            created_at=said,
            updated_at=said,
            revisions=[Revision(id=state.next_id("revision"), editor=login, at=said, body=text)],
        )
        state.keep(comment)
