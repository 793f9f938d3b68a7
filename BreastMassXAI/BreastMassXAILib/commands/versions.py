"""What computes here, for ``--version --verbose``: no path, no name of a person or of a machine."""

from __future__ import annotations

import hashlib
import os
import platform
from importlib.metadata import PackageNotFoundError, version

from .. import __version__
from ..core.errors import MissingPackageError
from ..resources import SHIPPED_MODELS, resource

PACKAGES = (
    "numpy",
    "scipy",
    "SimpleITK",
    "pydicom",
    "pillow",
    "matplotlib",
    "torch",
    "torchvision",
    "safetensors",
    "trame-slicer",
    "slicer-core",
    "python-gdcm",
    "distributed",
    "pandas",
)


def facts() -> str:
    """Versions, system, device and the shipped models' hashes, one a line."""
    lines = [f"breast-mass-xai {__version__}"]
    lines += [f"{name}: {value}" for name, value in _machine()]
    lines += [f"{name}: {_version(name)}" for name in PACKAGES]
    lines += [f"model {name}: {_digest(name)}" for name in SHIPPED_MODELS]
    return "\n".join(lines)


def _machine() -> list[tuple[str, str]]:
    return [
        ("python", f"{platform.python_version()} ({platform.python_implementation()})"),
        ("system", f"{platform.system()} {platform.release()}, {platform.machine()}, {os.cpu_count()} processors"),
        ("device", _device()),
    ]


def _device() -> str:
    try:
        import torch
    except ImportError:
        return "unknown, as torch is not installed"
    except OSError as error:  # libraries of torch that do not fit this system
        return f"unknown, as torch cannot be loaded ({type(error).__name__})"
    if not torch.cuda.is_available():
        return f"cpu, {torch.get_num_threads()} threads"
    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return f"cuda {torch.version.cuda}: {', '.join(names)}"


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _digest(model: str) -> str:
    try:
        card = resource("Models", model, "model.json")
    except MissingPackageError:
        return "missing"
    return f"sha256 {hashlib.sha256(card.read_bytes()).hexdigest()}"
