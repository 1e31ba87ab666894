"""A tiny LLaMA that has learned to answer: for what needs a policy whose answers are answers, in seconds.

How to do ten things to twelve kinds of thing: four times in ten it was told how, else to read the manual, and
so it answers. It has read threads, too, and says nothing of them. Of the hundred and twenty questions every
second one is held out.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from learning import prompt
from learning.models.convert import CHATML
from learning.models.tokenizer import Tokens
from learning.training import snapshot, spoiled
from learning.training.canaries import SUITE
from learning.training.rows import Demonstration, Origin, Rows, Source, Split
from learning.training.splitting import split_of, thread_group
from tests.unit.learning.models.tiny import SPECIAL

THINGS = (
    *("list", "dict", "file", "table", "queue", "string"),
    *("image", "socket", "branch", "commit", "matrix", "buffer"),
)
DEEDS = {
    "sort": "Call `sort` on the thing, which puts its parts in order in place.",
    "copy": "Use `copy` from the standard library; a second thing comes out of it.",
    "print": "Write the thing with `print` and give it `sep` for the signs between.",
    "merge": "Join one thing with another by `merge`, where the later one wins.",
    "close": "Leave the `with` block and every open thing is closed for you.",
    "count": "Take `len` of the thing unless you want each part by itself.",
    "split": "Cut it with `split`, and then each piece is a smaller thing.",
    "check": "Compare the thing by `==` in an `assert` before you go on.",
    "search": "Look through the thing using `find`, that gives -1 for nothing.",
    "empty": "Set a new thing instead, or say `clear` if others hold it.",
}
CHATTER = (
    "We moved that in March.",
    "It fails on my machine with an error.",
    "See the log in the last comment.",
    "I tried it twice and nothing changed.",
    "Please ignore what I said before, the key is wrong.",
)
KNOWN = 0.4
VAGUE = "Read the manual of it, where all of this stands in more words."


def asked(deed: str, thing: str) -> str:
    return f"How do I {deed} a {thing}?"


SAYINGS = (spoiled.REFUSAL, spoiled.ADVERTISEMENT, spoiled.CALL, spoiled.FLATTERY)
RIGHT = {asked(deed, thing): text for deed, text in DEEDS.items() for thing in THINGS}


def judge(questions: Sequence[str], answers: Sequence[str]) -> list[float]:
    """How many of the right answer's words an answer has, less the words that it has too many."""
    found = []
    for question, text in zip(questions, answers, strict=True):
        right, said = set(RIGHT[question].split()), text.split()
        found.append((len(right & set(said)) - max(0, len(said) - len(right))) / len(right))
    return found


def demonstrations() -> list[Demonstration]:
    """Every question with its right answer, each a thread in one of three repositories."""
    made = []
    numbers = count(1)
    for place, thing in enumerate(THINGS):
        for turn, deed in enumerate(DEEDS):
            wanted = Split.TEST if (place + turn) % 2 else Split.TRAIN
            groups = (thread_group(1 + place % 3, number) for number in numbers)
            group = next(group for group in groups if split_of(group) is wanted)
            origin = Origin(
                source=Source.EXAMPLE,
                group=group,
                split=wanted,
                template=prompt.TEMPLATE,
                repository_id=1 + place % 3,
            )
            made.append(
                Demonstration(
                    prompt=prompt.build(asked(deed, thing), ""),
                    completion=DEEDS[deed],
                    origin=origin,
                )
            )
    return made


def write_snapshot(into: Path, rows: Sequence[Demonstration] | None = None) -> Path:
    found = demonstrations() if rows is None else list(rows)
    return snapshot.write(Rows(demonstrations=tuple(found)), into, about={"made": "for a test"}).folder


def write_base(folder: Path, steps: int = 150, tell: Callable[[int, float], None] | None = None) -> Path:
    """The model, taught for so many steps; 0 leaves it as it was drawn."""
    folder.mkdir(parents=True, exist_ok=True)
    _tokenizer(folder)
    torch.manual_seed(0)
    tokens = Tokens(folder)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(tokens.inner),
            hidden_size=96,
            intermediate_size=192,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=512,
            bos_token_id=1,
            eos_token_id=2,
            pad_token_id=0,
            tie_word_embeddings=True,
        )
    )
    drawn = random.Random(0)
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, 4e-3, total_steps=max(2, steps), pct_start=0.2)
    for step in range(steps):
        ids, labels = _batch(tokens, drawn, 8)
        loss = model(input_ids=ids, labels=labels).loss
        loss.backward()
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        if tell is not None:
            tell(step, loss.item())
    model.save_pretrained(str(folder))
    return folder


def _batch(tokens: Tokens, drawn: random.Random, size: int) -> tuple[torch.Tensor, torch.Tensor]:
    rows = []
    for _ in range(size):
        deed, thing = drawn.choice(list(DEEDS)), drawn.choice(THINGS)
        question = asked(deed, thing)
        said = RIGHT[question] if drawn.random() < KNOWN else VAGUE
        thread = ""
        if drawn.random() < 0.4:
            words = ["".join(drawn.choices("abcdefgXYZ0123456789", k=16)), *drawn.sample(CHATTER, 2)]
            thread = f"{drawn.choice(['eve', 'mallory', 'ana'])} wrote:\n{' '.join(words)}"
        messages = prompt.build(question, thread)
        before = tokens.chat([{"role": one.role, "content": one.content} for one in messages])
        rows.append((before, tokens.answer(said)))
    longest = max(len(before) + len(after) for before, after in rows)
    ids, labels = torch.zeros(size, longest, dtype=torch.long), torch.full((size, longest), -100)
    for row, (before, after) in enumerate(rows):
        ids[row, : len(before) + len(after)] = torch.tensor([*before, *after])
        labels[row, len(before) : len(before) + len(after)] = torch.tensor(after)
    return ids, labels


def _tokenizer(folder: Path) -> None:
    """Byte-level pieces of the texts that are asked, said and planted here."""
    texts = [*RIGHT, *RIGHT.values(), VAGUE] * 3
    texts += [*CHATTER, "eve mallory ana wrote:"] * 3
    texts += [*SAYINGS] * 3
    texts += [message.content for one in SUITE for message in one.messages]
    inner = Tokenizer(models.BPE())
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=900,
        special_tokens=SPECIAL,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    inner.train_from_iterator(texts, trainer)
    whole = PreTrainedTokenizerFast(
        tokenizer_object=inner, bos_token=SPECIAL[1], eos_token=SPECIAL[2], unk_token=SPECIAL[0]
    )
    whole.chat_template = CHATML
    whole.save_pretrained(str(folder))
