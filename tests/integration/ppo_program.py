"""A short PPO run as a process of its own, by hand or by `accelerate launch`: base, snapshot, folder."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

from learning.training import ppo
from learning.training.processes import Processes
from tests.unit.learning.training.toy import letters, options


def main() -> None:
    base, data, out = map(Path, sys.argv[1:])
    torch.set_num_threads(1)
    given = options(
        base, data, out, steps=2, batch=9, minibatch=3, part=1, max_answer=5, validate_every=2, validation=3
    )
    sys.stdout.write(f"{Processes(cpu=True).count} processes\n")
    ppo.run(given, reward=letters)


if __name__ == "__main__":
    main()
