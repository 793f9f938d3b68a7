"""Where an interrupted training goes on: one file, replaced as a whole after every epoch, never pickle."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import save_file
from torch import Tensor

from ..core.errors import InputError, OutputError

SCHEMA_VERSION = 1


@dataclass(frozen=True)
class Checkpoint:
    """The state after a complete epoch.

    Parameters
    ----------
    tensors : dict of name to Tensor
        What learns, its best state so far and the optimizer's moments, each under a prefix of its own.
    facts : dict
        What JSON can hold: the log, the state of the random numbers, whether the training is finished.
    """

    tensors: dict[str, Tensor]
    facts: dict[str, Any]

    def part(self, prefix: str) -> dict[str, Tensor]:
        """The tensors under a prefix, without it."""
        return {name[len(prefix) + 1 :]: value for name, value in self.tensors.items() if name.startswith(f"{prefix}/")}

    def save(self, path: Path) -> None:
        """Write beside, then rename: a kill at any moment leaves the old file or the new one.

        Raises
        ------
        OutputError
            When the disk refuses.
        """
        metadata = {"schema_version": str(SCHEMA_VERSION), "facts": json.dumps(self.facts)}
        beside = path.with_suffix(".writing")
        try:
            save_file({name: value.cpu().contiguous() for name, value in self.tensors.items()}, beside, metadata)
            with beside.open("rb+") as file:
                os.fsync(file.fileno())
            beside.replace(path)
        except Exception as error:  # safetensors raises its own untyped errors where the disk is full
            with suppress(OSError):
                beside.unlink()
            raise OutputError(f"The unfinished training cannot be kept in {path.parent}: {error}") from error

    @classmethod
    def load(cls, path: Path) -> Checkpoint | None:
        """Read a state; None when there is none yet.

        Raises
        ------
        InputError
            When the file is damaged or of another version.
        """
        if not path.is_file():
            return None
        try:
            with safe_open(path, "pt") as file:
                metadata = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (it is no mapping)
            if metadata["schema_version"] != str(SCHEMA_VERSION):
                raise ValueError("another version")
            return cls(tensors, json.loads(metadata["facts"]))
        except Exception as error:  # as above
            raise InputError(f"The unfinished training in {path} is damaged: begin again with --force.") from error


def with_prefix(prefix: str, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors under a prefix, copied."""
    return {f"{prefix}/{name}": value.detach().clone() for name, value in tensors.items()}


def optimizer_tensors(optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The moments and step counts of every parameter, by the parameter's number."""
    state = optimizer.state_dict()["state"]
    return {f"{number}/{name}": value for number, entry in state.items() for name, value in entry.items()}


def restore_optimizer(optimizer: torch.optim.Optimizer, tensors: Mapping[str, Tensor]) -> None:
    """Undo :func:`optimizer_tensors`."""
    state: dict[int, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        number, name = key.split("/")
        state.setdefault(int(number), {})[name] = value
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})
