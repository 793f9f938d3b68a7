"""What the network needs beyond what Slicer brings, in words that a user can agree to: what, how large, where from."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib.util import find_spec


@dataclass(frozen=True)
class Need:
    """A package that is installed on demand; `download` is about how much, as of the versions of 2026."""

    packages: tuple[str, ...]
    title: str
    purpose: str
    download: str
    source: str


NEEDS = (
    Need(
        ("torch", "torchvision"),
        "PyTorch (torch, torchvision)",
        "runs the network",
        "0.2 GB, or 3 GB where it finds an NVIDIA graphics card",
        "PyTorch's own download site, through Slicer's extension PyTorch",
    ),
    Need(("safetensors",), "safetensors", "reads the model's weights", "1 MB", "the Python Package Index"),
    Need(
        ("matplotlib",),
        "matplotlib",
        "draws the report",
        "17 MB with what it needs",
        "the Python Package Index",
    ),
)


def _is_installed(package: str) -> bool:
    return find_spec(package) is not None


def missing(is_installed: Callable[[str], bool] = _is_installed) -> list[Need]:
    """What is not installed yet."""
    return [need for need in NEEDS if not all(is_installed(package) for package in need.packages)]


def question(needs: Iterable[Need]) -> str:
    """What to ask before anything is installed.

    Says of each package what it is for, how much is downloaded and from where, what changes on this computer, and that
    nothing is sent from it.
    """
    lines = [f"• {need.title}: {need.purpose}. Download: about {need.download}. From {need.source}." for need in needs]
    return "\n".join(
        [
            "To run the network, Slicer's Python needs:",
            *lines,
            "",
            "They are installed into this Slicer only; other programs are not touched. The model itself came with this "
            "extension: no image and no result leaves this computer.",
            "",
            "Install now?",
        ]
    )
