"""What a mask file says of who outlined the mass."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..core.frame import MaskOrigin
from ..core.suggested import ORIGIN_TAG, OUTLINE_TAG, outline_digest
from .volumes import Volume


def unconfirmed(path: Path, volume: Volume, pixels: np.ndarray) -> tuple[str, ...]:
    """A note where the file says that a network suggested this very outline, and nobody has accepted or edited it."""
    for name, text in volume.metadata.items():
        tags = dict(part.partition(":")[::2] for part in text.split("|")) if name.endswith("_Tags") else {}
        automatic = tags.get(ORIGIN_TAG) == MaskOrigin.AUTOMATIC.value
        if automatic and any(tags.get(OUTLINE_TAG) == outline_digest(each) for each in pixels):
            return (f"The outline in {path.name} was suggested by a network, and nobody has accepted or edited it.",)
    return ()
