"""Where a network runs."""

from __future__ import annotations

import torch

from ..core.errors import BundleError
from .bundle import Bundle

DEVICES = ("auto", "cpu", "cuda")


def on_device(bundle: Bundle, wanted: str = "auto") -> Bundle:
    """Move a bundle's network to a device, in place.

    Parameters
    ----------
    bundle : Bundle
    wanted : str
        Of :data:`DEVICES`; ``auto`` takes the graphics card where PyTorch can use one.

    Returns
    -------
    Bundle
        The same.

    Raises
    ------
    BundleError
        When there is no such device here.
    """
    bundle.network.to(device_for(wanted))
    return bundle


def device_for(wanted: str) -> torch.device:
    """The device of a name in :data:`DEVICES`.

    Raises
    ------
    BundleError
        When there is no such device here.
    """
    if wanted not in DEVICES:
        raise BundleError(f"There is no device '{wanted}': choose one of {', '.join(DEVICES)}.")
    usable = torch.cuda.is_available()
    if wanted == "cuda" and not usable:
        raise BundleError("PyTorch can use no CUDA graphics card here: choose 'cpu' or 'auto' as device.")
    return torch.device("cpu" if wanted == "cpu" or not usable else "cuda")
