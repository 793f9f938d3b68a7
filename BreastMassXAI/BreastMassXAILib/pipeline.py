"""One street from a case to its explanation."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from . import __version__
from .core.explain import Explanation, explain
from .core.frame import Case
from .core.result import Settings

if TYPE_CHECKING:
    from .network.bundle import Bundle


def analyze(case: Case, bundle: Bundle, settings: Settings | None = None) -> Explanation:
    """Classify a case and explain the decision: one forward pass and little more.

    Raises
    ------
    SpacingError
        When a ring is asked for and the frame's spacing is unknown; before the network runs.
    """
    from .network.cam import class_activation_map

    settings = settings or Settings()
    if settings.ring_mm > 0:
        case.frame.spacing.mm()
    return explain(case, class_activation_map(bundle, case), bundle.classifier, settings, software_versions())


def software_versions() -> dict[str, str]:
    """Versions of what computes a result."""
    found = {"breast-mass-xai": __version__, "python": platform.python_version()}
    for package in ("numpy", "scipy", "torch", "torchvision"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
