"""A LLaMA as int8 weights and static key/value caches: the forward pass that answers run on, on CPU.

q, k, v are one matrix, gate and up another; rotary pairs are laid side by side so that the rotation is one
complex product. All candidates share the prompt's keys and values. Rows are scaled to [-1, 1] before a
product: FBGEMM has one activation scale for all rows, and one outlier token would cost the others their bits
(measured: docs/log.md, "Policy speed"). Left out: training, GPUs, other families than LLaMA, Mistral, Qwen2.

    thumbprint bench policy
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional as F

from learning.models.lora import Lora
from learning.models.weights import Matrix, Shape, Weights, interleave, read_config, rotations, shape_of
from storage.errors import ModelError


class _Layer:
    """One transformer block's packed weights. The query's 1/sqrt(head_dim) is in its matrix."""

    def __init__(self, weights: Weights, shape: Shape, index: int) -> None:
        at = f"model.layers.{index}."
        self.norm_in = weights.get(at + "input_layernorm.weight")
        self.norm_mid = weights.get(at + "post_attention_layernorm.weight")
        rows, biases = [], []
        for name, heads, factor in (
            ("q", shape.heads, shape.head_dim**-0.5),
            ("k", shape.kv_heads, 1.0),
            ("v", 0, 1.0),
        ):
            matrix, bias = (
                self._part(weights, f"{at}self_attn.{name}_proj.{part}") for part in ("weight", "bias")
            )
            assert matrix is not None
            rows.append(interleave(matrix * factor, heads))
            biases.append(torch.zeros(len(matrix)) if bias is None else interleave(bias * factor, heads))
        bias = torch.cat(biases)
        self.qkv = Matrix(torch.cat(rows), bias if bias.any() else None)
        self.out = self._matrix(weights, at + "self_attn.o_proj")
        gate, up = (weights.get(f"{at}mlp.{name}_proj.weight") for name in ("gate", "up"))
        self.gate_up = Matrix(torch.cat((gate, up)))
        self.down = self._matrix(weights, at + "mlp.down_proj")

    @staticmethod
    def _part(weights: Weights, name: str) -> Tensor | None:
        return weights.get(name) if name in weights or name.endswith(".weight") else None

    @classmethod
    def _matrix(cls, weights: Weights, name: str) -> Matrix:
        return Matrix(weights.get(name + ".weight"), cls._part(weights, name + ".bias"))


class Prefix:
    """Keys and values of one prompt, shared by its candidates: (layers, kv_heads, length, head_dim)."""

    def __init__(self, shape: Shape, length: int) -> None:
        self.keys = torch.empty(shape.layers, shape.kv_heads, length, shape.head_dim)
        self.values = torch.empty_like(self.keys)

    def copy(self, start: int, end: int) -> tuple[Tensor, Tensor]:
        """A copy of the positions from `start` to `end`."""
        return self.keys[:, :, start:end].clone(), self.values[:, :, start:end].clone()

    def paste(self, start: int, block: tuple[Tensor, Tensor]) -> None:
        """Put back what `copy` gave, from position `start` on."""
        end = start + block[0].shape[2]
        self.keys[:, :, start:end], self.values[:, :, start:end] = block


class Tails:
    """Keys and values of what the candidates wrote: (layers, kv_heads · rows, length, head_dim)."""

    def __init__(self, shape: Shape, rows: int, length: int) -> None:
        self.shape, self.rows, self.length = shape, rows, length
        self.keys = torch.empty(shape.layers, shape.kv_heads * rows, length, shape.head_dim)
        self.values = torch.empty_like(self.keys)

    def of(self, rows: Sequence[int], written: int) -> Tails:
        """Those of these rows alone, with a copy of what they wrote: `written` tokens."""
        kept, heads = Tails(self.shape, len(rows), self.length), self.shape.kv_heads
        for ours, theirs in ((kept.keys, self.keys), (kept.values, self.values)):
            whole = torch.unflatten(theirs, 1, (heads, self.rows))  # (L, K, B, length, D)
            torch.unflatten(ours, 1, (heads, len(rows)))[..., :written, :] = whole[:, :, list(rows), :written]
        return kept


class Network:
    """A LLaMA whose passes take token ids and caches. Immutable once built: a swap replaces the object."""

    def __init__(self, folder: Path, *, lora: Lora | None = None, context: int | None = None) -> None:
        config = read_config(folder)
        self.shape = shape_of(config)
        if context is not None:
            self.shape = replace(self.shape, context=min(context, self.shape.context))
        weights = Weights(folder, lora)
        self._turns = rotations(config, self.shape, self.shape.context)
        self._embed = weights.get("model.embed_tokens.weight")
        self._layers = [_Layer(weights, self.shape, index) for index in range(self.shape.layers)]
        self._norm = weights.get("model.norm.weight")
        tied = config.get("tie_word_embeddings", False) or "lm_head.weight" not in weights
        self._head = Matrix(self._embed if tied else weights.get("lm_head.weight"))
        if lora is not None and lora.names - lora.used:
            raise ModelError(
                f"The adapter changes {sorted(lora.names - lora.used)[0]}, which this base does not have."
            )

    def read(self, ids: Tensor, prefix: Prefix, start: int, *, last: int = 1) -> Tensor:
        """Run tokens `ids` (T) from `start` on, filling `prefix`; logits (last, V) after the last of them."""
        length, shape = ids.shape[0], self.shape
        end, groups = start + length, shape.heads // shape.kv_heads
        turn = self._turns[start:end].unsqueeze(1)  # (T, 1, D/2)
        mask = torch.ones(length, end, dtype=torch.bool).tril(start).repeat(groups, 1)  # (G·T, S)
        x = F.embedding(ids, self._embed)  # (T, H)
        for layer, keys, values in zip(self._layers, prefix.keys, prefix.values, strict=True):
            query, key, value = self._split(layer, x, turn)  # (T, h, D), (T, k, D), (T, k, D)
            keys[:, start:end], values[:, start:end] = key.transpose(0, 1), value.transpose(0, 1)
            query = (
                torch.unflatten(query, 1, (shape.kv_heads, groups)).permute(1, 2, 0, 3).flatten(1, 2)
            )  # (K, G·T, D)
            mixed = F.scaled_dot_product_attention(
                query[None], keys[None, :, :end], values[None, :, :end], attn_mask=mask, scale=1.0
            )
            mixed = torch.unflatten(mixed[0], 1, (groups, length)).permute(2, 0, 1, 3).flatten(1)  # (T, H)
            x = self._rest(layer, x, mixed)
        return self._head(*_rms(x[-last:], self._norm, shape.eps))

    def step(self, ids: Tensor, prefix: Prefix, length: int, tails: Tails, written: int) -> Tensor:
        """One token a candidate: `ids` (B) follow `length` tokens of prompt and `written` own; logits (B, V).

        The prompt's keys and values are read once for all candidates, not once for each.
        """
        shape, rows = self.shape, ids.shape[0]
        kv_heads, end = shape.kv_heads, written + 1
        turn = self._turns[length + written]  # (D/2)
        x = F.embedding(ids, self._embed)  # (B, H)
        for index, layer in enumerate(self._layers):
            query, key, value = self._split(layer, x, turn)
            keys, values = tails.keys[index], tails.values[index]
            keys[:, written] = key.transpose(0, 1).flatten(0, 1)  # (K·B, D)
            values[:, written] = value.transpose(0, 1).flatten(0, 1)
            query = torch.unflatten(query, 1, (kv_heads, -1)).transpose(0, 1)  # (K, B, G, D)
            shared = query.flatten(1, 2)  # (K, B·G, D)
            own = query.flatten(0, 1)  # (K·B, G, D)
            scores = torch.cat(
                (
                    torch.bmm(shared, prefix.keys[index, :, :length].transpose(1, 2)),  # (K, B·G, P)
                    torch.bmm(own, keys[:, :end].transpose(1, 2)).view(kv_heads, -1, end),  # (K, B·G, S)
                ),
                dim=-1,
            ).softmax(-1)
            mixed = torch.bmm(scores[..., :length], prefix.values[index, :, :length])
            mine = scores[..., length:].reshape(kv_heads * rows, -1, end)
            mixed += torch.bmm(mine, values[:, :end]).view_as(mixed)
            mixed = mixed.view(kv_heads, rows, -1).transpose(0, 1).reshape(rows, -1)  # (B, H)
            x = self._rest(layer, x, mixed)
        return self._head(*_rms(x, self._norm, shape.eps))

    def _split(self, layer: _Layer, x: Tensor, turn: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Rotated queries and keys, and values, of rows `x` (R, H): (R, h, D), (R, k, D), (R, k, D)."""
        shape = self.shape
        rows = torch.unflatten(layer.qkv(*_rms(x, layer.norm_in, shape.eps)), -1, (-1, shape.head_dim))
        turned = shape.heads + shape.kv_heads
        pairs = torch.view_as_complex(torch.unflatten(rows[:, :turned], -1, (-1, 2)))
        both = torch.view_as_real(pairs * turn).flatten(-2)
        return both[:, : shape.heads], both[:, shape.heads :], rows[:, turned:]

    def _rest(self, layer: _Layer, x: Tensor, mixed: Tensor) -> Tensor:
        """What follows attention in a block: projection, residual, gated MLP, residual."""
        x = x + layer.out(*_unit(mixed))
        gate, up = layer.gate_up(*_rms(x, layer.norm_mid, self.shape.eps)).chunk(2, dim=-1)
        return x + layer.down(*_unit(F.silu(gate).mul_(up)))


def _unit(x: Tensor) -> tuple[Tensor, Tensor]:
    """Rows scaled to [-1, 1], and what each was divided by (R, 1)."""
    top = x.abs().amax(-1, keepdim=True).clamp_min_(1e-12)  # sooner than vector_norm's maximum
    return x / top, top


def _rms(x: Tensor, weight: Tensor, eps: float) -> tuple[Tensor, Tensor]:
    """Root-mean-square normalisation (arXiv 1910.07467): rows in [-1, 1], and the factor of each (R, 1)."""
    width = x.shape[-1]
    size = torch.linalg.vector_norm(x, 2, -1, keepdim=True)
    weighted, top = _unit(x * weight)
    root = torch.hypot(
        size, torch.full_like(size, math.sqrt(width * eps))
    )  # sqrt(width · (mean square + eps))
    return weighted, top * math.sqrt(width) / root
