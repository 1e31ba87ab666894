"""Whose turn it is: one that asks a thousand questions starves nobody. Pure.

The next job is of the installation with the fewest running ones; among equals, of the one that was served
longest ago; there, the one that waits longest. So each installation gets its share of the workers whatever
others ask, and one that is alone gets them all. Jobs that may end their worker take turns one at a time.
Left out: moving jobs (`bot/dispatch.py`), and who is a suspect (`bot/retry.py`).
Run: `pytest tests/unit/bot/test_turns.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from storage.records import Waiting

NEVER = datetime.min.replace(tzinfo=UTC)


def choose(
    waiting: Sequence[Waiting],
    running: Mapping[int, int],
    served: Mapping[int, datetime],
    free: int,
) -> list[str]:
    """The ids of the next `free` jobs, in order.

    `waiting`: at most one a thread. `running` counts jobs by installation; `served` says when one was begun
    last.
    """
    lines: dict[int, list[Waiting]] = defaultdict(list)
    for one in sorted(waiting, key=lambda one: (one.put_at, one.id), reverse=True):
        lines[one.installation_id].append(one)
    busy = dict(running)
    turn = {one: rank for rank, one in enumerate(sorted(lines, key=lambda one: served.get(one, NEVER)))}
    chosen: list[str] = []
    while lines and len(chosen) < free:
        after = len(turn) + len(chosen)
        next_one = min(lines, key=lambda one: (busy.get(one, 0), turn[one], lines[one][-1].put_at))
        chosen.append(lines[next_one].pop().id)
        busy[next_one] = busy.get(next_one, 0) + 1
        turn[next_one] = after
        if not lines[next_one]:
            del lines[next_one]
    return chosen


def apart(waiting: Sequence[Waiting], suspects: Mapping[str, bool]) -> list[Waiting]:
    """Those that may run now. `suspects`: jobs that may end their worker, each with whether it runs.

    At most one of them runs at a time, the one that waits longest first, so that what happens to a worker
    then tells them apart. All others run beside it.
    """
    held = [one for one in waiting if one.id in suspects]
    ahead = (
        min(held, key=lambda one: (one.put_at, one.id)).id if held and not any(suspects.values()) else None
    )
    return [one for one in waiting if one.id not in suspects or one.id == ahead]
