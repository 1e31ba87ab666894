"""Who lives on the playground: people with different rights, another bot, and the app's own account.

Left out: signing in; on loopback everyone may be anyone, that is what the person switcher is for.
"""

from __future__ import annotations

from webhooks.playground.state import State
from webhooks.playground.things import Person

MAINTAINER, SECOND_MAINTAINER = "ada-brandt", "noor-haddad"
CONTRIBUTOR, SECOND_CONTRIBUTOR = "ben-okafor", "dana-wei"
STRANGER = "cleo-visiting"
OTHER_BOT = "tidy-stale[bot]"
OWNER = "paperboat"

PEOPLE = (
    Person(id=810_001, login=MAINTAINER, name="Ada Brandt", about="maintainer · may edit what others wrote"),
    Person(id=810_002, login=SECOND_MAINTAINER, name="Noor Haddad", about="maintainer of both repositories"),
    Person(id=810_003, login=CONTRIBUTOR, name="Ben Okafor", about="contributor · reads and comments"),
    Person(id=810_004, login=SECOND_CONTRIBUTOR, name="Dana Wei", about="contributor · reads and comments"),
    Person(id=810_005, login=STRANGER, name="Cleo", about="a stranger · the repository is public"),
    Person(
        id=810_006,
        login=OTHER_BOT,
        name="Tidy Stale",
        kind="Bot",
        about="another bot · must never be answered",
    ),
)
ORGANISATION = Person(id=810_100, login=OWNER, name="Paperboat")
NEIGHBOUR = "lanternfish"
ORGANISATIONS = (ORGANISATION, Person(id=810_101, login=NEIGHBOUR, name="Lanternfish"))
"""Accounts that repositories belong to; the second one has none until one is transferred to it."""

BOT_ID = 810_200

COLLABORATORS = {
    MAINTAINER: "write",
    SECOND_MAINTAINER: "admin",
    CONTRIBUTOR: "read",
    SECOND_CONTRIBUTOR: "triage",
    OTHER_BOT: "write",
}


def settle(state: State) -> None:
    """Make sure that everyone is there."""
    slug = state.credentials.slug
    bot = Person(id=BOT_ID, login=f"{slug}[bot]", name=slug.capitalize(), kind="Bot", about="the bot itself")
    for person in (*PEOPLE, *ORGANISATIONS, bot):
        if person.login not in state.people:
            state.keep(person)


def switchable(state: State) -> list[Person]:
    """Those whom one may act as: everyone but the organisations and the app itself."""
    hidden = (*(one.login for one in ORGANISATIONS), state.bot.login)
    return [person for person in state.people.values() if person.login not in hidden]
