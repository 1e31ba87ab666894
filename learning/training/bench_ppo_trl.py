"""TRL 1.12's PPO as its documentation has it, on our prompts and reward: the other side of `bench ppo`.

Run by the Python of an environment with TRL 1.12, the last that had PPO. Policy: LoRA, the reference is LoRA
off; value model: a second whole network, which is trained. TRL wants a classifier on the policy's tokens for
a reward: `Judge` answers in its place with what our reward says of question and answer. Its minibatches
accumulate over the batch whatever their size, so a batch is one minibatch, on both sides.
Left out: saving anything but the figures, evaluation.

    thumbprint bench ppo
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from importlib import import_module
from itertools import chain
from pathlib import Path
from statistics import fmean
from types import SimpleNamespace
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from torch import Tensor, nn
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification

from learning.models.tokenizer import Tokens, end_tokens
from learning.training import ppo_batch, snapshot
from learning.training.bench_ppo_options import Options
from learning.training.ppo_batch import Prompt
from learning.training.reward_model import RewardModel
from learning.training.rows import Split


class Judge(nn.Module):
    """Looks like a sequence classifier to TRL's `get_reward`: its logit at every token is the reward.

    `score` (questions, answers) -> numbers. `seen` has the mean reward of each call.
    """

    base_model_prefix = "texts"

    def __init__(
        self,
        score: Callable[[Sequence[str], Sequence[str]], Sequence[float]],
        prompts: Sequence[Prompt],
        tokens: Tokens,
        ends: frozenset[int],
    ) -> None:
        super().__init__()
        self.reward, self.tokens, self.ends = score, tokens, ends
        self.known = {one.ids: one.question for one in prompts}
        self.lengths = sorted({len(one.ids) for one in prompts}, reverse=True)
        self.seen: list[list[float]] = []

    def texts(self, input_ids: Tensor, attention_mask: Tensor, **_: Any) -> SimpleNamespace:
        """The rewards as hidden states (B, T, 1)."""
        pairs = [
            self._read(ids[mask.bool()].tolist()) for ids, mask in zip(input_ids, attention_mask, strict=True)
        ]
        found = [float(score) for score in self.reward(*zip(*pairs, strict=True))]
        self.seen.append(found)
        return SimpleNamespace(
            hidden_states=[torch.tensor(found)[:, None, None].expand(*input_ids.shape, 1).clone()]
        )

    def score(self, hidden: Tensor) -> Tensor:
        """The rewards as they are."""
        return hidden

    def _read(self, ids: list[int]) -> tuple[str, str]:
        size = next(size for size in self.lengths if tuple(ids[:size]) in self.known)
        answer = ids[size:]
        if answer and answer[-1] in self.ends:
            answer = answer[:-1]
        return self.known[tuple(ids[:size])], self.tokens.decode(answer).strip()


def run(options: Options, seed: int) -> dict[str, Any]:
    """Train, and say samples/s, peak memory in MiB, and of each step the mean reward and KL."""
    ppo: Any = import_module("trl.experimental.ppo")
    if options.threads:
        torch.set_num_threads(options.threads)
    torch.manual_seed(seed)
    tokens, ends = Tokens(options.model), end_tokens(options.model)
    rows = snapshot.read(options.data).rows
    prompts = ppo_batch.prompts_of(rows, Split.TRAIN, tokens, options.max_prompt)
    judge = Judge(
        RewardModel.load(options.reward, cache=options.cache.expanduser()).score, prompts, tokens, ends
    )
    inner = tokens.inner
    inner.padding_side = "left"
    folder: dict[str, Any] = {"pretrained_model_name_or_path": str(options.model), "local_files_only": True}
    policy = AutoModelForCausalLM.from_pretrained(**folder, dtype=torch.float32)
    value = AutoModelForSequenceClassification.from_pretrained(**folder, dtype=torch.float32, num_labels=1)
    trainer = ppo.PPOTrainer(
        args=_config(ppo, options, seed),
        processing_class=inner,
        model=policy,
        ref_model=None,
        reward_model=judge,
        value_model=value,
        train_dataset=Dataset.from_list([{"input_ids": list(one.ids)} for one in prompts]),
        eval_dataset=Dataset.from_list([{"input_ids": list(prompts[0].ids)}]),
        peft_config=LoraConfig(
            task_type="CAUSAL_LM",
            r=options.rank,
            lora_alpha=2 * options.rank,
            lora_dropout=0.0,
            target_modules="all-linear",
        ),
    )
    begun = time.monotonic()
    trainer.train()
    seconds = time.monotonic() - begun
    history = [entry for entry in trainer.state.log_history if "objective/kl" in entry]
    calls = len(judge.seen) // len(history)
    rewards = [list(chain(*judge.seen[at : at + calls])) for at in range(0, len(judge.seen), calls)]
    return {
        "samples_per_s": options.steps * options.batch / seconds,
        "peak_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "steps": [
            {"reward": fmean(reward), "kl": entry["objective/kl"]}
            for reward, entry in zip(rewards, history, strict=True)
        ],
    }


def _config(ppo: Any, options: Options, seed: int) -> Any:
    return ppo.PPOConfig(
        output_dir=str(options.out / "trl"),
        total_episodes=options.steps * options.batch,
        per_device_train_batch_size=options.part,
        gradient_accumulation_steps=options.batch // options.part,
        num_mini_batches=1,
        num_ppo_epochs=options.epochs,
        local_rollout_forward_batch_size=options.rollout,
        response_length=options.max_answer,
        stop_token="eos",  # noqa: S106 - a token of a text
        temperature=1.0,
        missing_eos_penalty=1.0,
        kl_coef=options.kl_coefficient,
        learning_rate=options.learning_rate,
        adam_epsilon=1e-5,
        weight_decay=0.0,
        num_sample_generations=0,
        gradient_checkpointing=False,
        bf16=False,
        use_cpu=True,
        save_strategy="no",
        logging_steps=1,
        disable_tqdm=True,
        report_to="none",
        seed=seed,
    )


def main(given: Sequence[str]) -> None:
    """`OPTIONS.json SEED RESULT.json`: what `bench_ppo.py` calls."""
    options = Options.read(Path(given[0]))
    Path(given[2]).write_text(json.dumps(run(options, int(given[1]))))


if __name__ == "__main__":
    main(sys.argv[1:])
