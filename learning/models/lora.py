"""A LoRA adapter's files, read and checked: what it adds to which matrix of the base.

Only `adapter_model.safetensors` beside `adapter_config.json` (PEFT's layout). Left out: DoRA, biases and
extra trained modules, which cannot be merged into the pristine base and are refused by name.
"""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from torch import Tensor

from storage.errors import ModelError


class Lora:
    """Low-rank changes W + s·B·A (arXiv 2106.09685), by the base's tensor names."""

    def __init__(self, folder: Path) -> None:
        config_file, file = folder / "adapter_config.json", folder / "adapter_model.safetensors"
        if not config_file.is_file() or not file.is_file():
            raise ModelError(
                f"{folder} is no LoRA adapter: it lacks adapter_config.json or adapter_model.safetensors."
            )
        self._config: dict[str, Any] = json.loads(config_file.read_text())
        self._refuse_what_cannot_be_merged(folder)
        self._halves: dict[str, dict[str, Tensor]] = {}
        for key, tensor in load_file(str(file)).items():
            found = re.fullmatch(r"(?:base_model\.model\.)?(.+)\.lora_(A|B)(?:\.default)?\.weight", key)
            if found is None:
                raise ModelError(f"{file} holds {key}, which is no part of a plain LoRA adapter.")
            self._halves.setdefault(found[1], {})[found[2]] = tensor.float()
        self.used: set[str] = set()

    def _refuse_what_cannot_be_merged(self, folder: Path) -> None:
        config = self._config
        odd = [key for key in ("use_dora", "modules_to_save", "fan_in_fan_out") if config.get(key)]
        if config.get("bias", "none") != "none":
            odd.append("bias")
        if config.get("peft_type") != "LORA":
            odd.append("peft_type")
        if odd:
            raise ModelError(
                f"The adapter in {folder} cannot be merged because of its setting {', '.join(odd)}."
            )

    @property
    def names(self) -> set[str]:
        """The base's tensors that the adapter changes."""
        return {f"{module}.weight" for module in self._halves}

    def change(self, name: str) -> Tensor | None:
        """What is added to the base's tensor `name`, (out, in) in float32, or None."""
        module = name.removesuffix(".weight")
        halves = self._halves.get(module)
        if halves is None:
            return None
        if set(halves) != {"A", "B"}:
            raise ModelError(f"The adapter holds only one half of the change to {name}.")
        self.used.add(name)
        return torch.mm(halves["B"], halves["A"]).mul_(self._scale(module))

    def _scale(self, module: str) -> float:
        rank = self._pattern("rank_pattern", module, self._config["r"])
        alpha = self._pattern("alpha_pattern", module, self._config["lora_alpha"])
        return float(alpha / math.sqrt(rank)) if self._config.get("use_rslora") else float(alpha / rank)

    def _pattern(self, key: str, module: str, otherwise: float) -> float:
        for pattern, value in (self._config.get(key) or {}).items():
            if re.match(rf"(.*\.)?({pattern})$", module):
                return float(value)
        return float(otherwise)
