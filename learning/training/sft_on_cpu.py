"""The loss of supervised fine-tuning where there is no GPU: TRL's own number, sooner.

TRL's fused head folds every position's logits into statistics tile by tile, which a GPU does in one pass of a
kernel and a processor in a dozen passes over memory. Here the positions of answers alone get logits, once,
and torch's own cross-entropy reads them (docs/log.md has the times). Left out: TRL's figure of entropy,
further losses than "nll".
Run: `pytest tests/unit/learning/training/test_sft_on_cpu.py`.
"""

from __future__ import annotations

from typing import Any

from torch.nn.functional import cross_entropy
from trl.trainer.sft_trainer import SFTTrainer

from learning.training.sft_data import IGNORED


class OnCpu(SFTTrainer):
    """TRL's trainer, which leaves the logits to the model. The base's head must have no cap on its logits."""

    def compute_loss(
        self, model: Any, inputs: Any, return_outputs: bool = False, num_items_in_batch: Any = None
    ) -> Any:
        """Negative log-likelihood of the answers' tokens, summed and divided by their number in the step."""
        labels = inputs["labels"][:, 1:]
        learned = labels != IGNORED
        first = int(learned.any(0).nonzero()[0])
        columns = labels.shape[1] - first
        read = {name: inputs[name] for name in ("input_ids", "attention_mask") if name in inputs}
        # The last position's logits speak of no token.
        outputs = model(**read, use_cache=False, logits_to_keep=columns + 1)
        mask = learned[:, first:]
        logits, wanted = outputs.logits[:, :-1][mask].float(), labels[:, first:][mask]
        count = wanted.numel() if num_items_in_batch is None else num_items_in_batch
        loss = cross_entropy(logits, wanted, reduction="sum") / count
        if self.args.average_tokens_across_devices and num_items_in_batch is not None:
            loss = loss * self.accelerator.num_processes  # the count is all processes', whose mean is taken
        mode = "train" if model.training else "eval"
        right = (logits.detach().argmax(-1) == wanted).float().mean()
        self._metrics[mode]["mean_token_accuracy"].append(float(right))
        return (loss, outputs) if return_outputs else loss
