"""One backbone in memory, three roles: LoRA on is the policy, LoRA off the reference, a value head beside it.

Where training goes on from an adapter (supervised fine-tuning's, or the deployed one), a frozen copy of it
is the reference: a few megabytes, where a second model would be all of it. The value head is one row on the
policy's last hidden states, zero at the start (Ziegler et al., arXiv 1909.08593), and its gradient goes into
the LoRA too. No dropout: the ratio of PPO compares two readings of one network. Logits are made for answer
tokens alone.

Left out: quantised backbones, backbones that one device cannot hold. Nothing but LoRA on linear layers is
trained (`modules_to_save` stays empty), so the adapter merges into the pristine base and servers take it.
Run: `pytest tests/unit/learning/training/test_roles.py`.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from torch import Tensor, nn

from learning.models.lora import Lora
from learning.models.tokenizer import Tokens, end_tokens
from learning.models.weights import read_config
from learning.training.ppo_math import answer_mask, token_entropies, token_log_probs
from storage.errors import ModelError

Role = Literal["policy", "reference", "base"]
DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


@dataclass(frozen=True, kw_only=True)
class Sequences:
    """Prompts, padded left to P tokens, and answers, padded right to T, side by side."""

    ids: Tensor
    """(B, P + T)."""
    attention: Tensor
    """(B, P + T), 1 on tokens, 0 on padding."""
    mask: Tensor
    """(B, T), true on answers' tokens."""

    @property
    def answers(self) -> Tensor:
        """Token ids (B, T)."""
        return self.ids[:, -self.mask.shape[1] :]

    @property
    def positions(self) -> Tensor:
        """(B, P + T): each token's place in its own text, whatever stands before it as padding."""
        return positions_of(self.attention)


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What a role makes of answers, (B, T) each and 0 outside them: log-probabilities of their tokens and
    entropies in nats, values in units of reward. Without the values for other roles than the policy."""

    log_probs: Tensor
    entropies: Tensor
    values: Tensor | None


class Roles:
    """A causal language model with LoRA on its linear layers, and a value head. One thread at a time."""

    def __init__(self, model: Any, tokens: Tokens, ends: frozenset[int], *, anchored: bool) -> None:
        self.model, self.tokens, self.ends = model, tokens, ends
        causal = model.get_base_model()
        self._body, self._head = causal.model, causal.lm_head
        device = self._head.weight.device
        self.value_head: nn.Linear = nn.utils.skip_init(  # type: ignore[no-untyped-call]
            nn.Linear, causal.config.hidden_size, 1, device=device, dtype=torch.float32
        )
        nn.init.zeros_(self.value_head.weight)
        nn.init.zeros_(self.value_head.bias)
        self._anchored = anchored
        self.context = int(causal.config.max_position_embeddings)
        self.pad = 0  # any token will do: attention never sees it

    @classmethod
    def load(
        cls,
        folder: Path,
        *,
        adapter: Path | None = None,
        rank: int = 16,
        alpha: int = 32,
        seed: int = 0,
        dtype: str = "float32",
        device: str | torch.device = "cpu",
    ) -> Roles:
        """The model in `folder`, going on from `adapter`, or with a fresh LoRA of `rank` and `alpha`.

        Raises ModelError for a folder of another architecture, and for an adapter that cannot be merged.
        """
        from peft import LoraConfig, PeftModel, get_peft_model
        from transformers import AutoModelForCausalLM

        read_config(folder)
        model: Any
        ends = end_tokens(folder)
        if not ends:
            raise ModelError(f"{folder} names no end token: set eos_token_id in its generation_config.json.")
        with warnings.catch_warnings(), torch.random.fork_rng(devices=[]):
            # peft asks transformers by a name that will go; both are pinned
            warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
            base = AutoModelForCausalLM.from_pretrained(
                str(folder), dtype=DTYPES[dtype], local_files_only=True, use_safetensors=True
            )
            torch.manual_seed(seed)
            if adapter is None:
                config = LoraConfig(
                    task_type="CAUSAL_LM",
                    r=rank,
                    lora_alpha=alpha,
                    lora_dropout=0.0,
                    target_modules="all-linear",
                )
                model = get_peft_model(base, config)
            else:
                Lora(adapter)  # refuses what cannot be merged
                model = PeftModel.from_pretrained(base, str(adapter), is_trainable=True)
                model.load_adapter(str(adapter), adapter_name="reference", is_trainable=False)
        for module in model.modules():
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        model.to(device).eval()
        return cls(model, Tokens(folder), ends, anchored=adapter is not None)

    @property
    def device(self) -> torch.device:
        """Where it computes."""
        device: torch.device = self.value_head.weight.device
        return device

    def trained(self) -> dict[str, nn.Parameter]:
        """What training changes, by name: the policy's LoRA and the value head."""
        lora = {name: each for name, each in self.model.named_parameters() if ".default." in name}
        return {**lora, **{f"value_head.{name}": each for name, each in self.value_head.named_parameters()}}

    def sequences(self, prompts: Sequence[Sequence[int]], answers: Sequence[Sequence[int]]) -> Sequences:
        """Token ids as one batch. Answers have at least one token."""
        before, after = max(map(len, prompts)), max(map(len, answers))
        ids = torch.full((len(prompts), before + after), self.pad)
        attention = torch.zeros_like(ids)
        for row, (prompt, answer) in enumerate(zip(prompts, answers, strict=True)):
            start, end = before - len(prompt), before + len(answer)
            ids[row, start:end] = torch.tensor([*prompt, *answer])
            attention[row, start:end] = 1
        mask = answer_mask(torch.tensor([len(answer) for answer in answers]), after)
        return Sequences(
            ids=ids.to(self.device), attention=attention.to(self.device), mask=mask.to(self.device)
        )

    def read(self, batch: Sequences, temperature: float, role: Role = "policy") -> Reading:
        """What `role` makes of the answers, at that temperature. Gradients flow for the policy."""
        mask, longest = batch.mask, batch.mask.shape[1]
        with self._as(role):
            hidden = self._body(
                input_ids=batch.ids,
                attention_mask=batch.attention,
                position_ids=batch.positions,
                use_cache=False,
            ).last_hidden_state[:, -longest - 1 : -1][mask]
        logits = self._head(hidden).float()
        values = self.value_head(hidden.float()).squeeze(-1) if role == "policy" else None
        with torch.no_grad():
            entropies = token_entropies(logits, temperature)
        return Reading(
            log_probs=_placed(token_log_probs(logits, batch.answers[mask], temperature), mask),
            entropies=_placed(entropies, mask),
            values=None if values is None else _placed(values, mask),
        )

    def step(self, ids: Tensor, attention: Tensor, cache: Any) -> Tensor:
        """Logits (B, V) after `ids` (B, t), the newest of the tokens that `attention` (B, all) covers."""
        hidden = self._body(
            input_ids=ids,
            attention_mask=attention,
            position_ids=positions_of(attention)[:, -ids.shape[1] :],
            past_key_values=cache,
            use_cache=True,
        ).last_hidden_state[:, -1]
        logits: Tensor = self._head(hidden).float()
        return logits

    @contextmanager
    def _as(self, role: Role) -> Iterator[None]:
        if role == "policy":
            yield
        elif role == "base" or not self._anchored:
            with self.model.disable_adapter():
                yield
        else:
            self.model.set_adapter("reference", inference_mode=True)
            try:
                yield
            finally:
                self.model.set_adapter("default")


def _placed(values: Tensor, mask: Tensor) -> Tensor:
    """(B, T): the `values`, one for each place that `mask` (B, T) has, in their places; 0 elsewhere."""
    return values.new_zeros(mask.shape).masked_scatter(mask, values)


def positions_of(attention: Tensor) -> Tensor:
    """Positions (B, L) that count from each text's first token; 0 on the padding before it."""
    return (attention.cumsum(-1) - 1).clamp_min(0)
