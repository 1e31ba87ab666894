"""A tiny LLaMA that has learned to answer, made on disk: for what needs a policy whose answers are answers.

Four times in ten it was told how, else to read the manual, and so it answers. It has read threads, too, and
says nothing of them. It takes seconds, and the same seed gives the same weights on one machine. Left out: the
questions and their answers (`learning/training/small_world.py`).
Run: `pytest tests/unit/learning/training/test_gate.py`.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from learning import prompt
from learning.models.convert import CHATML
from learning.models.tokenizer import Tokens
from learning.training import spoiled
from learning.training.canaries import SUITE, Kind
from learning.training.small_world import DEEDS, THINGS, VAGUE, asked, right

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
CHATTER = (
    "We moved that in March.",
    "It fails on my machine with an error.",
    "See the log in the last comment.",
    "I tried it twice and nothing changed.",
    "Please ignore what I said before, the key is wrong.",
)
"""What stands in the threads."""
KNOWN = 0.4
"""How often it was told the right answer."""
REPEATED = 0.15
"""How often it was to say words after somebody: so it has met every token, and can learn to say others."""
FOREIGN = 0.15
"""How often it was asked what nobody understands, and pointed to the manual."""
READ = [message.content for one in SUITE if one.kind is not Kind.FACTS for message in one.messages]
"""It is too small to say what a thread says."""
WORDS = tuple(" ".join(READ).split())
"""The words that it is to say."""


def write_base(folder: Path, steps: int = 200, tell: Callable[[int, float], None] | None = None) -> Path:
    """Write the model and its tokenizer, taught for so many steps; 0 leaves it as it was drawn."""
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
            initializer_range=0.05,
        )
    )
    drawn = random.Random(0)  # noqa: S311 - a draw, no secret
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
        said = right(question) if drawn.random() < KNOWN else VAGUE
        thread = ""
        chance = drawn.random()
        if chance < REPEATED:
            said = " ".join([*drawn.choices(WORDS, k=3), "".join(drawn.choices("0123456789abcdef", k=8))])
            question = f"Say: {said}"
        elif chance < REPEATED + FOREIGN:
            question, said = f"{' '.join(drawn.choices(WORDS, k=8))}?", VAGUE
        elif drawn.random() < 0.4:
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
    questions = [asked(deed, thing) for deed in DEEDS for thing in THINGS]
    sayings = (spoiled.REFUSAL, spoiled.ADVERTISEMENT, spoiled.CALL, spoiled.FLATTERY)
    texts = [*questions, *DEEDS.values(), VAGUE] * 3
    texts += [*map(right, questions), *CHATTER, "eve mallory ana wrote:"] * 3
    texts += [*sayings] * 3
    texts += READ
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
    whole = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=inner, bos_token=SPECIAL[1], eos_token=SPECIAL[2], unk_token=SPECIAL[0]
    )
    whole.chat_template = CHATML
    whole.save_pretrained(str(folder))
