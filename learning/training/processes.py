"""The processes of one training: alone, or as `accelerate launch` started them; sums and gatherings of them.

Each process has the whole (small) adapter and a part of every minibatch; gradients are summed, not averaged,
for losses are divided by the tokens of the whole minibatch already. One of many ends with what started it.
Left out: splitting a backbone over devices.
Run: `pytest tests/integration/test_ppo_processes.py`.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import torch
from accelerate import PartialState
from accelerate.utils import gather_object
from torch import Tensor, nn

from learning.parent import dies_with

T = TypeVar("T")


def device(cpu: bool) -> str:
    """Where a stage computes: cuda where there is a GPU and `cpu` does not forbid it, else cpu."""
    return "cuda" if torch.cuda.is_available() and not cpu else "cpu"


class Processes:
    """This process among `count`; the first, of `rank` 0, is the one that writes and speaks."""

    def __init__(self, *, cpu: bool = False) -> None:
        self._state: Any = PartialState(cpu=device(cpu) == "cpu")
        self.count = int(self._state.num_processes)
        self.rank = int(self._state.process_index)
        self.first = self.rank == 0
        self.device: torch.device = self._state.device
        if self.count > 1:
            dies_with(os.getppid())()

    def own(self, items: Sequence[T]) -> list[T]:
        """This process's part of what all have: every count-th, so that parts are of like size."""
        return list(items[self.rank :: self.count])

    def gather(self, items: list[T]) -> list[T]:
        """Everything that the processes have, in the order of `own` undone: as if one process had it all."""
        if self.count == 1:
            return items
        found: list[tuple[int, T]] = gather_object(
            [(place * self.count + self.rank, item) for place, item in enumerate(items)]
        )
        return [item for _, item in sorted(found, key=lambda pair: pair[0])]

    def sum(self, values: Tensor) -> Tensor:
        """The sum over all processes, in place."""
        if self.count > 1:
            torch.distributed.all_reduce(values)
        return values

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Each parameter's gradient becomes the sum over all processes; in one exchange."""
        trained = list(parameters)
        for each in trained:
            if each.grad is None:  # a process without a part of this minibatch
                each.grad = torch.zeros_like(each)
        if self.count == 1:
            return
        flat = torch.cat([each.grad.flatten() for each in trained if each.grad is not None])
        torch.distributed.all_reduce(flat)
        start = 0
        for each in trained:
            assert each.grad is not None
            each.grad.copy_(flat[start : start + each.numel()].view_as(each))
            start += each.numel()

    @contextmanager
    def one_first(self) -> Iterator[None]:
        """What is done here the first does before the others."""
        with self._state.main_process_first():
            yield

    def wait(self) -> None:
        """Until all are here: what the first writes is there for the others."""
        if self.count > 1:
            self._state.wait_for_everyone()
