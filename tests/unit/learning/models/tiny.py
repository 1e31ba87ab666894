"""Tiny random models on disk, of the same kinds as the real ones: for rules, not for texts."""

from pathlib import Path

import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast, Qwen2Config, Qwen2ForCausalLM

from learning.models.convert import CHATML

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
ROPE3 = {
    "rope_type": "llama3",
    "rope_theta": 10000.0,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 64,
}


def write_tokenizer(folder: Path) -> None:
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {token: index for index, token in enumerate([*SPECIAL, *letters, "qz"])}
    inner = Tokenizer(models.BPE(vocab=vocab, merges=[("q", "z")]))
    inner.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    inner.decoder = decoders.ByteLevel()
    whole = PreTrainedTokenizerFast(
        tokenizer_object=inner, bos_token=SPECIAL[1], eos_token=SPECIAL[2], unk_token=SPECIAL[0]
    )
    whole.chat_template = CHATML
    whole.save_pretrained(str(folder))


def write_model(folder: Path, kind: str = "llama", seed: int = 0, window: int = 256) -> Path:
    """A model of two layers whose weights are large enough for its logits to differ."""
    torch.manual_seed(seed)
    sizes = {
        "vocab_size": 260,
        "hidden_size": 64,
        "intermediate_size": 96,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "max_position_embeddings": window,
        "eos_token_id": 2,
        "bos_token_id": 1,
        "pad_token_id": 0,
        "initializer_range": 0.2,
    }
    if kind == "qwen2":
        model = Qwen2ForCausalLM(Qwen2Config(**sizes))
        for name, tensor in model.named_parameters():
            if name.endswith("bias"):
                torch.nn.init.normal_(tensor, std=0.2)
    else:
        extra = {"rope_parameters": ROPE3} if kind == "llama3" else {}
        model = LlamaForCausalLM(LlamaConfig(**sizes, tie_word_embeddings=kind == "tied", **extra))
    folder.mkdir(parents=True, exist_ok=True)
    model.save_pretrained(str(folder))
    write_tokenizer(folder)
    return folder


def write_adapter(folder: Path, base: Path, seed: int = 1, **options: object) -> Path:
    """A LoRA adapter with random halves on all linear layers of `base`."""
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(seed)
    config = LoraConfig(r=4, lora_alpha=8, target_modules="all-linear", init_lora_weights=False, **options)
    get_peft_model(AutoModelForCausalLM.from_pretrained(str(base)), config).save_pretrained(str(folder))
    return folder
