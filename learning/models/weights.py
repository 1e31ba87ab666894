"""A model folder's configuration and tensors: read one at a time, merged with an adapter, packed as int8.

Left out: quantised checkpoints, sliding windows; both are refused by name.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from torch import Tensor

from learning.models.lora import Lora
from storage.errors import ModelError

FAMILY = ("llama", "mistral", "qwen2")


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The sizes of one network, from its config.json. Lengths in tokens, widths in elements."""

    vocab: int
    width: int
    layers: int
    heads: int
    kv_heads: int
    head_dim: int
    eps: float
    context: int

    @property
    def bytes_per_token(self) -> int:
        """Bytes of key/value cache that one token of one candidate takes."""
        return self.layers * self.kv_heads * self.head_dim * 2 * 4


def read_config(folder: Path) -> dict[str, Any]:
    """`config.json` of a model folder. Raises ModelError where there is none that can be read, and when the
    architecture is not of the family."""
    try:
        config: dict[str, Any] = json.loads((folder / "config.json").read_text())
    except (OSError, ValueError) as error:
        raise ModelError(f"{folder} holds no model: it has no config.json that can be read.") from error
    kind = config.get("model_type")
    if kind not in FAMILY:
        family = ", ".join(FAMILY)
        raise ModelError(
            f"{folder} holds a {kind!r} model; the policy must be of the LLaMA family: {family}."
        )
    if kind == "mistral" and config.get("sliding_window"):
        raise ModelError(
            f"{folder} uses a sliding window, which our engine lacks: serve it by vLLM or llama.cpp."
        )
    if config.get("quantization_config"):
        raise ModelError(f"{folder} is already quantised; give the unquantised safetensors or a .gguf file.")
    return config


def shape_of(config: dict[str, Any]) -> Shape:
    """The sizes that a config.json names."""
    heads = int(config["num_attention_heads"])
    return Shape(
        vocab=int(config["vocab_size"]),
        width=int(config["hidden_size"]),
        layers=int(config["num_hidden_layers"]),
        heads=heads,
        kv_heads=int(config.get("num_key_value_heads") or heads),
        head_dim=int(config.get("head_dim") or config["hidden_size"] // heads),
        eps=float(config["rms_norm_eps"]),
        context=int(config["max_position_embeddings"]),
    )


def rotations(config: dict[str, Any], shape: Shape, length: int) -> Tensor:
    """Complex numbers e^{i·position·frequency}, (length, head_dim / 2); scaled where the config says so."""
    from transformers import AutoConfig
    from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

    known = {
        key: value for key, value in config.items() if key not in ("architectures", "transformers_version")
    }
    whole = AutoConfig.for_model(**known)
    rope = whole.rope_parameters
    kind = rope.get("rope_type", "default")
    if kind == "default":
        steps = torch.arange(0, shape.head_dim, 2, dtype=torch.float32) / shape.head_dim
        frequencies, scale = 1.0 / rope["rope_theta"] ** steps, 1.0
    else:
        frequencies, scale = ROPE_INIT_FUNCTIONS[kind](whole, torch.device("cpu"), seq_len=length)
    angles = torch.outer(torch.arange(length, dtype=torch.float32), frequencies)
    return torch.polar(torch.full_like(angles, float(scale)), angles)


class Weights:
    """The tensors of a model folder, one at a time, with an adapter merged in. The files stay mapped."""

    def __init__(self, folder: Path, lora: Lora | None = None) -> None:
        self._where: dict[str, Any] = {}
        for file in sorted(folder.glob("*.safetensors")):
            handle: Any = safe_open(str(file), framework="pt")
            for name in handle.offset_keys():
                self._where[name] = handle
        if not self._where:
            raise ModelError(f"{folder} holds no .safetensors file.")
        self._lora = lora

    def __contains__(self, name: str) -> bool:
        return name in self._where

    def get(self, name: str) -> Tensor:
        """The tensor of that name in float32; with the adapter's change where it has one."""
        if name not in self._where:
            raise ModelError(
                f"The model's files lack the tensor {name}: the folder is incomplete or of another kind."
            )
        tensor: Tensor = self._where[name].get_tensor(name).float()
        if self._lora is None:
            return tensor
        change = self._lora.change(name)
        return tensor if change is None else tensor + change


class Matrix:
    """A weight matrix, int8 per output row, symmetric, packed for FBGEMM; and its bias in float32."""

    def __init__(self, weight: Tensor, bias: Tensor | None = None) -> None:
        scales = weight.abs().amax(dim=1).clamp_min(1e-8).double() / 127
        zeros = torch.zeros(weight.shape[0], dtype=torch.long)
        with warnings.catch_warnings():
            # torch announces that quantised tensors will go; torch is pinned (docs/adr/0002)
            warnings.simplefilter("ignore", UserWarning)
            quantised = torch.quantize_per_channel(weight, scales, zeros, 0, torch.qint8)
            self._packed = torch.ops.quantized.linear_prepack(quantised, None)
        self._bias = bias

    def __call__(self, rows: Tensor, times: Tensor) -> Tensor:
        """`rows` (R, in) in [-1, 1], each result multiplied by `times` (R, 1)."""
        result: Tensor = torch.ops.quantized.linear_dynamic(rows, self._packed, False).mul_(times)
        return result if self._bias is None else result.add_(self._bias)


def interleave(rows: Tensor, heads: int) -> Tensor:
    """Rotary halves of each head's rows, (x_0.., x_h/2..), as pairs (x_0, x_h/2), ..; no heads: unchanged."""
    if not heads:
        return rows
    per_head = rows.view(heads, 2, -1, *rows.shape[1:])
    return per_head.transpose(1, 2).reshape(rows.shape).contiguous()
