"""Weights as safetensors files: written, read back against their SHA-256, and compared."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import load, load_file, save_file

from ..core.errors import BundleError, OutputError


def pack_backbone(source: Path, destination: Path, last_stage: int) -> None:
    """Cut ImageNet weights with torchvision's key names to the stages that are used, convolutions in float16.

    The scaling layers are trained on what this file holds, so that what is shipped is what was evaluated.
    """
    dropped = ("fc.", *(f"layer{number}." for number in range(last_stage + 1, 5)))
    kept = {name: value for name, value in load_file(source).items() if not name.startswith(dropped)}
    packed = {name: value.half() if value.ndim == 4 else value for name, value in kept.items()}
    destination.parent.mkdir(parents=True, exist_ok=True)
    save_tensors(packed, destination)


def save_tensors(tensors: dict[str, torch.Tensor], path: Path) -> None:
    try:
        save_file(tensors, path)
    except Exception as error:  # safetensors raises its own untyped errors where the disk is full
        raise OutputError(f"{path.name} of the model cannot be written: {error}") from error


def sha256_of(path: Path) -> str:
    """SHA-256 of a file's bytes, as a hexadecimal string."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def same_shapes(state: Mapping[str, torch.Tensor], expected: Mapping[str, torch.Tensor]) -> bool:
    return state.keys() == expected.keys() and all(state[name].shape == expected[name].shape for name in expected)


def read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise BundleError(f"The model '{path.parent.name}' has no readable {path.name}.") from error


def with_counters(state: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """Weights with a counter for every batch norm that has none, as torch itself completes files of before 0.4.1.

    ``num_batches_tracked`` counts batches of a training; nothing here depends on it.
    """
    norms = [name.removesuffix("running_var") for name in state if name.endswith(".running_var")]
    return {**{f"{norm}num_batches_tracked": torch.tensor(0) for norm in norms}, **state}


def are_numbers(state: Mapping[str, torch.Tensor]) -> bool:
    """Whether weights hold no NaN, no infinity and no negative variance, which would make one of every answer."""
    finite = all(bool(torch.isfinite(value).all()) for value in state.values())
    return finite and all(bool((value >= 0).all()) for name, value in state.items() if name.endswith(".running_var"))


def read_tensors(path: Path, sha256: str | None = None) -> dict[str, torch.Tensor]:
    """The tensors of a ``.safetensors`` file, floats as float32.

    Raises
    ------
    BundleError
        When it cannot be read, or its SHA-256 is not the given one.
    """
    content = read_bytes(path)
    if sha256 is not None and hashlib.sha256(content).hexdigest() != sha256:
        raise BundleError(
            f"The file {path.name} of the model '{path.parent.name}' has been altered: "
            "its SHA-256 is not the one in model.json."
        )
    try:
        return {name: value.float() if value.is_floating_point() else value for name, value in load(content).items()}
    except Exception as error:  # safetensors raises its own untyped errors for malformed files
        raise BundleError(
            f"The file {path.name} of the model '{path.parent.name}' is not a safetensors file."
        ) from error
