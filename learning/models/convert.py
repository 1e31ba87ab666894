"""GGUF to safetensors with its tokenizer, once, in a process of its own: torch never enters the caller.

Prints one line a stage, `done total what`, for the caller's progress bar. Tokens that the file leaves wrong
are put right (shared/docs/learning.md §5): padding left with an existing token that is not the end token, a
chat template that adds no system prompt of its own, every end token named. Left out: other formats.

    python -m learning.models.convert FILE.gguf FOLDER
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

STAGES = ("loading libraries", "reading tokenizer", "dequantising", "writing", "done")
PAD_CHOICES = ("<pad>", "<|endoftext|>", "<|finetune_right_pad_id|>", "<|reserved_special_token_0|>", "<unk>")
CHATML = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] "
    "+ '<|im_end|>\n' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def run(gguf: Path, folder: Path) -> None:
    """Write `gguf`'s network in float32 and its tokenizer into `folder`. Raises OSError, ValueError."""
    _say(0)
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
    from transformers.utils import logging

    hush: Any = logging.disable_progress_bar
    hush()
    torch.set_num_threads(1)
    _say(1)
    tokenizer = AutoTokenizer.from_pretrained(str(gguf.parent), gguf_file=gguf.name)
    set_right(tokenizer)
    _say(2)
    model = AutoModelForCausalLM.from_pretrained(
        str(gguf.parent),
        gguf_file=gguf.name,
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.float32,
        trust_remote_code=False,
    )
    _say(3)
    tokenizer.model_max_length = model.config.max_position_embeddings
    model.generation_config.do_sample = True
    for config in (model.config, model.generation_config):
        config.pad_token_id = tokenizer.pad_token_id
        config.eos_token_id = _ends(tokenizer)
    model.save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))
    _say(4)


def set_right(tokenizer: Any) -> None:
    """Left padding with an existing token other than the end token; no system prompt by the template."""
    known = tokenizer.get_vocab()
    if tokenizer.pad_token is None or tokenizer.pad_token == tokenizer.eos_token:
        choices = [name for name in PAD_CHOICES if name in known and name != tokenizer.eos_token]
        tokenizer.pad_token = choices[0] if choices else tokenizer.unk_token or tokenizer.bos_token
    tokenizer.padding_side = tokenizer.init_kwargs["padding_side"] = "left"  # the latter is what is saved
    if "<|im_start|>" in known and "<|im_end|>" in known:
        tokenizer.chat_template = CHATML


def _ends(tokenizer: Any) -> list[int]:
    """Ids of every token that ends a text: the end of a turn, and the end of a document."""
    known = tokenizer.get_vocab()
    names = [tokenizer.eos_token, "<|endoftext|>", "<|eot_id|>"]
    return list(dict.fromkeys(known[name] for name in names if name in known))


def _say(stage: int) -> None:
    print(stage, len(STAGES) - 1, STAGES[stage], flush=True)  # noqa: T201 - the protocol with the caller


def main() -> None:
    """Command line: the GGUF file and the folder to write."""
    try:
        run(Path(sys.argv[1]), Path(sys.argv[2]))
    except Exception as error:  # the edge of a process: one sentence for the caller
        sys.exit(f"{type(error).__name__}: {str(error).splitlines()[0] if str(error) else 'no reason given'}")


if __name__ == "__main__":
    main()
