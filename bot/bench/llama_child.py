"""Answers of llama-cpp-python, timed for `thumbprint bench policy`; runs under any Python that has it.

Standard library and llama_cpp only. Reads one JSON request a line ({"prompt", "answers", "tokens", "seed"}),
prints one JSON line ({"seconds", "tokens"}). The first line printed says which number of threads was fastest.

    python bot/bench/llama_child.py model.gguf 0
"""

from __future__ import annotations

import json
import os
import sys
import time
from typing import Any


def answer(model: Any, prompt: str, tokens: int, seed: int, ends: dict[int, float]) -> int:
    """One answer of exactly `tokens` tokens; its number of tokens. The prompt's cache stays, as in use."""
    said = model.create_chat_completion(
        [{"role": "user", "content": prompt}],
        max_tokens=tokens,
        temperature=0.6,
        top_p=0.9,
        seed=seed,
        logit_bias=ends,
    )
    return int(said["usage"]["completion_tokens"])


def main() -> None:
    """Load, measure threads, answer requests until the input ends."""
    from llama_cpp import Llama

    os.nice(19)  # as our model process

    best: tuple[float, int, Any] | None = None
    given = int(sys.argv[2])
    for threads in [given] if given else sorted({1, os.cpu_count() or 1}):
        model = Llama(sys.argv[1], n_ctx=2048, n_threads=threads, n_threads_batch=threads, verbose=False)
        answer(model, "Warm up.", 8, 0, {})
        begin = time.perf_counter()
        answer(model, "Which number of threads is the best? " * 12, 32, 0, {})
        taken = time.perf_counter() - begin
        if best is None or taken < 0.9 * best[0]:
            best = (taken, threads, model)
    assert best is not None
    print(json.dumps({"threads": best[1]}), flush=True)  # noqa: T201 - the protocol
    ends = {best[2].token_eos(): -100.0, 0: -100.0}
    for line in sys.stdin:
        asked = json.loads(line)
        begin = time.perf_counter()
        made = [
            answer(best[2], asked["prompt"], asked["tokens"], asked["seed"] + turn, ends)
            for turn in range(asked["answers"])
        ]
        seconds = time.perf_counter() - begin
        print(json.dumps({"seconds": seconds, "tokens": sum(made)}), flush=True)  # noqa: T201 - the protocol


if __name__ == "__main__":
    main()
