"""The policy: base LLaMA and promoted adapter → n candidates with log-probabilities, on CPU.

The prompt is read in fixed blocks whose keys and values are kept (least recently used first out), so that
what requests have in common, such as the system part, is computed once; fixed borders make a text
independent of what was cached before. Left out: batching of several requests, GPUs.

    thumbprint bench policy
"""

from __future__ import annotations

import statistics
import time
from array import array
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from learning.models import adapters
from learning.models.lora import Lora
from learning.models.network import Network, Prefix, Tails
from learning.models.sampling import PhraseBiases, Picker, dense
from learning.models.tokenizer import Tokens, end_tokens

BLOCK = 64  # tokens
KEPT = 0.75
"""A batch of which no more than this share still goes on is made smaller: the copy costs about a step."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """What a request asks for. `phrase_bias` holds (text, logits), `logit_bias` token ids."""

    n: int = 1
    seed: int = 0
    also: tuple[int, ...] = ()
    """Further seeds: `n` candidates of each as well, in the same batch, after those of `seed`."""
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    """Of so many likeliest tokens, before the nucleus; 0 for all."""
    max_tokens: int = 128
    stop: tuple[str, ...] = ()
    logit_bias: Mapping[int, float] = field(default_factory=dict)
    phrase_bias: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Written:
    """One candidate: its tokens without the end token, their log-probabilities before biases and temperature
    (nats), and why it ended: `stop` (end token or stop string) or `length` (tokens, window or time)."""

    text: str
    ids: tuple[int, ...]
    logprobs: tuple[float, ...]
    finish_reason: str

    @property
    def mean_logprob(self) -> float:
        """Mean log-probability per token in nats; 0.0 for an empty text."""
        return sum(self.logprobs) / len(self.logprobs) if self.logprobs else 0.0


class Blocks:
    """Keys and values of prompt beginnings, by the tokens up to each block's end. At most `limit_bytes`."""

    def __init__(self, limit_bytes: int) -> None:
        self._limit, self._size = limit_bytes, 0
        self._kept: OrderedDict[bytes, tuple[Tensor, Tensor]] = OrderedDict()

    def get(self, key: bytes) -> tuple[Tensor, Tensor] | None:
        """The block, now the most recently used, or None."""
        found = self._kept.get(key)
        if found is not None:
            self._kept.move_to_end(key)
        return found

    def put(self, key: bytes, block: tuple[Tensor, Tensor]) -> None:
        """Keep a block; the least recently used make room."""
        self._kept[key] = block
        self._size += 2 * block[0].nbytes
        while self._size > self._limit and len(self._kept) > 1:
            _, old = self._kept.popitem(last=False)
            self._size -= 2 * old[0].nbytes

    def clear(self) -> None:
        """Forget all."""
        self._kept.clear()
        self._size = 0


class Policy:
    """A network with its tokenizer. Immutable but for its block cache; not for two threads at once."""

    def __init__(self, folder: Path, *, adapter: Path | None = None, context: int | None = None) -> None:
        """A model, and an adapter that was made for it merged in. Raises ModelError where it was not."""
        self.folder, self.adapter = folder, adapter
        self.tokens = Tokens(folder)
        if adapter is not None:
            adapters.check(adapter, base=folder, tokens=self.tokens)
        self.network = Network(folder, lora=Lora(adapter) if adapter else None, context=context)
        self._ends = end_tokens(folder)
        self.blocks = Blocks(limit_bytes=192 * 1024 * 1024)

    @property
    def context(self) -> int:
        """Longest prompt and answer together, in tokens."""
        return self.network.shape.context

    def write(
        self, prompt: Sequence[int], options: Options, *, stopped: Callable[[], bool] = lambda: False
    ) -> tuple[Written, ...]:
        """`options.n` candidates of each seed that continue `prompt` (token ids), in one batch.

        `stopped` is asked before each step: once true, what was written so far is returned as cut by length;
        TimeoutError where the prompt is not even read. The same prompt and options give the same texts.
        Raises ValueError when the prompt leaves no room.
        """
        room = self.context - len(prompt)
        if not prompt or room < 1:
            raise ValueError(f"the prompt has {len(prompt)} tokens, but the context window {self.context}")
        with torch.inference_mode():
            return self._write(prompt, options, min(room, options.max_tokens), stopped)

    def _write(
        self, prompt: Sequence[int], options: Options, room: int, stopped: Callable[[], bool]
    ) -> tuple[Written, ...]:
        rows, network = options.n * (1 + len(options.also)), self.network
        prefix, logits = self._read(prompt, stopped)
        logits = logits.expand(rows, -1)
        tails = Tails(network.shape, rows, room)
        picker = Picker(
            rows=options.n,
            seed=options.seed,
            also=options.also,
            temperature=options.temperature,
            top_p=options.top_p,
            top_k=options.top_k,
            length=room,
        )
        phrases = PhraseBiases(options.phrase_bias, rows, self.tokens.encode, self.tokens.piece)
        fixed = dense(options.logit_bias, network.shape.vocab)
        drafts = [_Draft() for _ in range(rows)]
        live = list(drafts)  # those that the batch's rows are of
        for step in range(room):
            biased = logits.clone() if fixed is None else logits + fixed
            phrases.add_to(biased)
            chosen = picker.pick(biased, step)
            sure = logits.gather(1, chosen[:, None]).squeeze(1) - logits.logsumexp(-1)
            for row, (token, logprob) in enumerate(zip(chosen.tolist(), sure.tolist(), strict=True)):
                self._note(live[row], token, logprob, options.stop)
                phrases.saw(row, token)
            going = [row for row, draft in enumerate(live) if not draft.reason]
            if not going or step + 1 == room or stopped():
                break
            if len(going) <= KEPT * len(live):
                live, chosen, tails = [live[row] for row in going], chosen[going], tails.of(going, step)
                picker.keep(going)
                phrases.keep(going)
            logits = network.step(chosen, prefix, len(prompt), tails, step)
        return tuple(self._finished(draft, options.stop) for draft in drafts)

    def _note(self, draft: _Draft, token: int, logprob: float, stop: tuple[str, ...]) -> None:
        if draft.reason:
            return
        if token in self._ends:
            draft.reason = "stop"
            return
        draft.ids.append(token)
        draft.logprobs.append(logprob)
        if stop and any(each in self.tokens.decode(draft.ids) for each in stop):
            draft.reason = "stop"

    def _finished(self, draft: _Draft, stop: tuple[str, ...]) -> Written:
        text = self.tokens.decode(draft.ids)
        cuts = [text.index(each) for each in stop if each in text]
        return Written(
            text=text[: min(cuts)] if cuts else text,
            ids=tuple(draft.ids),
            logprobs=tuple(draft.logprobs),
            finish_reason=draft.reason or "length",
        )

    def _read(self, prompt: Sequence[int], stopped: Callable[[], bool]) -> tuple[Prefix, Tensor]:
        """Keys and values of the whole prompt, and the logits after it (1, V)."""
        prefix, start = Prefix(self.network.shape, len(prompt)), 0
        ids, raw = torch.tensor(prompt), array("I", prompt)
        logits: Tensor | None = None
        while start < len(prompt):
            if start and stopped():
                raise TimeoutError(f"{start} of the prompt's {len(prompt)} tokens were read in time")
            end = min(start + BLOCK, len(prompt))
            key = raw[:end].tobytes()
            whole, last = end - start == BLOCK, end == len(prompt)
            kept = self.blocks.get(key) if whole and not last else None
            if kept is not None:
                prefix.paste(start, kept)
            else:
                logits = self.network.read(ids[start:end], prefix, start)
                if whole and not last:
                    self.blocks.put(key, prefix.copy(start, end))
            start = end
        assert logits is not None
        return prefix, logits


@dataclass
class _Draft:
    """A candidate while it is being written."""

    ids: list[int] = field(default_factory=list)
    logprobs: list[float] = field(default_factory=list)
    reason: str = ""


def measure_threads(policy: Policy, choices: Sequence[int]) -> tuple[int, dict[int, float]]:
    """Set and return the number of threads with which a batch of four goes fastest, and tokens/s of each.

    More threads must win by a tenth with their slowest of three rounds: on a busy machine spinning at
    barriers can cost ten times what it brings.
    """
    prompt = policy.tokens.encode("Which number of threads is the best? " * 12)[: policy.context // 2]
    options = Options(n=4, max_tokens=12, temperature=1.0)
    rounds: dict[int, list[float]] = {count: [] for count in choices}
    for turn in range(4):
        for count in choices:
            torch.set_num_threads(count)
            begin = time.perf_counter()
            written = policy.write(prompt, options)
            made = sum(len(each.ids) + 1 for each in written)
            if turn:  # the first warms up
                rounds[count].append(made / (time.perf_counter() - begin))
    speeds = {count: statistics.median(each) for count, each in rounds.items()}
    best = choices[0]
    for count in choices[1:]:
        if min(rounds[count]) > 1.1 * speeds[best]:
            best = count
    torch.set_num_threads(best)
    return best, speeds
