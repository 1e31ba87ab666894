"""TRL's SFTTrainer as supervised fine-tuning uses it: over tokens that are made, on a LoRA, on what there is.

Left out: what is trained on, and when (`sft.py`).

    pytest tests/unit/learning/training/test_sft.py
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import torch

from learning.models.tokenizer import Tokens
from learning.training.processes import device
from learning.training.sft_checkpoints import Work
from learning.training.sft_data import Examples, order
from learning.training.sft_options import Options
from learning.training.sft_watch import Watch


def trainer_of(
    options: Options,
    base: Path,
    tokens: Tokens,
    learned: Examples,
    measured: Examples,
    work: Work,
    watch: Watch,
    processes: int = 1,
) -> Any:
    """TRL's trainer over examples that are tokens already, on a LoRA that is new or the parent's.

    A step's batches are shared by the `processes`, whose number divides them.
    """
    from datasets import Dataset
    from transformers import PrinterCallback, set_seed
    from trl.trainer.sft_config import SFTConfig
    from trl.trainer.sft_trainer import SFTTrainer

    from learning.training.sft_on_cpu import OnCpu

    cpu = device(options.cpu) == "cpu"
    numbers = _order(learned, options)
    steps = math.ceil(len(numbers) / (options.batch * options.accumulate))
    config = SFTConfig(
        output_dir=str(work.folder),
        per_device_train_batch_size=options.batch,
        per_device_eval_batch_size=options.batch,
        gradient_accumulation_steps=options.accumulate // processes,
        learning_rate=options.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=min(options.warmup, math.ceil(steps / 10)),
        num_train_epochs=1,  # the epochs are in the rows' order
        train_sampling_strategy="sequential",
        save_steps=options.checkpoint_every,
        save_total_limit=2,
        logging_steps=1,
        logging_nan_inf_filter=False,
        activation_checkpointing=False,
        bf16=options.precision == "bf16",
        use_cpu=cpu,
        seed=options.seed,
        data_seed=options.seed,
        max_length=None,
        dataset_kwargs={"skip_prepare_dataset": True},
        dataloader_pin_memory=False,
        disable_tqdm=True,
        report_to="none",
    )
    set_seed(options.seed)
    model, lora = adapted(base, options.parent, options.rank, options.alpha, options.dropout)
    trainer = (OnCpu if cpu else SFTTrainer)(
        model=model,
        args=config,
        train_dataset=Dataset.from_list([dict(learned.rows[number]) for number in numbers]),
        eval_dataset=Dataset.from_list([dict(row) for row in measured.rows]) if measured.rows else None,
        processing_class=tokens.inner,
        peft_config=lora,
        callbacks=[watch],
    )
    trainer.remove_callback(PrinterCallback)
    return trainer


def adapted(base: Path, parent: Path | None, rank: int, alpha: int, dropout: float = 0.0) -> tuple[Any, Any]:
    """The base, and the configuration of a new LoRA for it; or with the parent's LoRA on it, and None."""
    from peft import LoraConfig, PeftModel
    from transformers import AutoModelForCausalLM

    model: Any = AutoModelForCausalLM.from_pretrained(
        str(base), dtype=torch.float32, local_files_only=True, trust_remote_code=False
    )
    if parent is not None:
        model = PeftModel.from_pretrained(model, str(parent), is_trainable=True)
        # an artefact names its base without a path, and PEFT would ask the hub for that name
        model.peft_config["default"].base_model_name_or_path = str(base)
        return model, None
    return model, LoraConfig(
        r=rank,
        lora_alpha=alpha,
        lora_dropout=dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


def precision(asked: str, cpu: bool = False) -> str:
    """bf16 where the processor multiplies in it, else fp32; what was asked for by name stays."""
    if asked != "auto":
        return asked
    if device(cpu) == "cuda":
        return "bf16" if torch.cuda.is_bf16_supported() else "fp32"
    native: Any = torch.ops.mkldnn._is_mkldnn_bf16_supported
    return "bf16" if native() else "fp32"


def _order(learned: Examples, options: Options) -> list[int]:
    """Which rows are read, in which order, over all epochs, or as many as the steps at most need."""
    count = math.ceil(options.epochs * len(learned.rows))
    if options.max_steps:
        count = min(count, options.max_steps * options.batch * options.accumulate)
    lengths = [len(row["input_ids"]) for row in learned.rows]
    return order(lengths, count, options.batch, options.seed)
