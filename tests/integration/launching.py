"""What starts real processes beside each other on a machine without a GPU.

`accelerate launch --cpu` starts one process, whatever number it is told; `--multi_gpu` starts as many as it
is told, and a stage that computes on the CPU has them speak by gloo.
"""

from __future__ import annotations

import shlex
import sys

from tests.integration.playground_fixture import free_port


def launcher(count: int) -> str:
    """A launcher of that many processes, of two or more, on a port of its own."""
    command = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_machines", "1"]
    command += ["--mixed_precision", "no", "--dynamo_backend", "no"]
    return shlex.join([*command, "--num_processes", str(count), "--main_process_port", str(free_port())])
