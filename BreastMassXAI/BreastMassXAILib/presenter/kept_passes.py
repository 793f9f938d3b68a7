"""What the network answered before: another frame that was explained already needs no network."""

from __future__ import annotations

from .inputs import Seen
from .passes import NetworkPass

KEPT_PASSES = 512
"""A kilobyte each; a dozen where a method's map is finer."""


class KeptPasses:
    """The latest passes of the network, each for one frame (SHA-256 of its voxels), one model (of its card) and one
    method that explained it."""

    def __init__(self) -> None:
        self._passes: dict[tuple[str, str, str], NetworkPass] = {}

    def __len__(self) -> int:
        return len(self._passes)

    def of(self, frame: str, model: str, method: str = "cam") -> NetworkPass | None:
        """The pass of this frame and model, explained by this method, if it is kept."""
        return self._passes.get((frame, model, method))

    def for_inputs(self, seen: Seen | None) -> NetworkPass | None:
        """The pass that holds for these inputs, if it is kept; mass and settings do not matter."""
        return None if seen is None else self.of(seen.frame, seen.model, seen.method)

    def keep(self, frame: str, model: str, found: NetworkPass) -> None:
        """Remember a pass as the latest; the oldest beyond :data:`KEPT_PASSES` is forgotten."""
        method = found.output.method
        self.forget(frame, model, method)
        self._passes[frame, model, method] = found
        while len(self._passes) > KEPT_PASSES:
            del self._passes[next(iter(self._passes))]

    def forget(self, frame: str, model: str, method: str = "cam") -> None:
        self._passes.pop((frame, model, method), None)
