"""What one pass of the network said of a frame, kept so that an edited mass needs no other, in a saved scene too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from ..core.classifier import Classifier, NetworkOutput
from ..core.counter_check import Changes
from ..core.errors import BreastMassXAIError
from ..core.explain import Explanation, explain
from ..core.field import Field, FieldRule
from ..core.frame import Case
from ..core.progress import Progress
from ..core.result import Settings
from ..core.terms import terms_of
from ..methods import method_of
from ..pipeline import checked, software_versions
from .inputs import Seen, digest_of, seen_from
from .models import Model, loaded

FIELD_TOLERANCE = 0.5
"""How far the field of an edited mass may lie beside the field of the pass, in cells of the network's map. Up to half a
cell, every cell still covers mostly the tissue that it would cover in a pass of its own."""


@dataclass(frozen=True, eq=False)
class NetworkPass:
    """A pass of the network with what is needed to explain its frame, and any mass on it, without the network.

    Parameters
    ----------
    output : NetworkOutput
    classifier : Classifier
    rule : FieldRule
        By which the field was chosen.
    software : mapping
        Versions of what computed it.
    changes : Changes, optional
        What the counter-check found, and `checked`, the digest of the mask and the ring that it was made with.
    """

    output: NetworkOutput
    classifier: Classifier
    rule: FieldRule
    software: Mapping[str, str]
    changes: Changes | None = None
    checked: str = ""

    def explain(self, case: Case, settings: Settings) -> Explanation:
        """Explain the frame of the pass with the mass of `case`, on the field that the network looked at.

        Raises
        ------
        InputError
            See :func:`~..core.explain.explain`.
        """
        changes = self.changes if self.checked == regions_digest(case, settings) else None  # of an edited mass: none
        return explain(case, self.output, self.classifier, settings, self.software, changes=changes)

    def fits(self, case: Case) -> bool:
        """Whether a pass of its own for this case would look at the same field, within `FIELD_TOLERANCE`."""
        looked, own = self.output.field, self.rule.field(case.mass, case.frame.scan_area)
        rows, columns = self.output.cells.shape
        tolerance_rows, tolerance_columns = (
            FIELD_TOLERANCE * looked.height / rows,
            FIELD_TOLERANCE * looked.width / columns,
        )
        return (
            abs(own.row - looked.row) <= tolerance_rows
            and abs(own.row + own.height - looked.row - looked.height) <= tolerance_rows
            and abs(own.column - looked.column) <= tolerance_columns
            and abs(own.column + own.width - looked.column - looked.width) <= tolerance_columns
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data; floats keep all their digits."""
        output = self.output
        return {
            "logit": output.logit,
            "bias": output.bias,
            "cells": output.cells.astype(float).tolist(),
            "field": asdict(output.field),
            "disagreement": output.disagreement,
            "method": output.method,
            "exact": output.exact,
            "classifier": asdict(self.classifier),
            "rule": asdict(self.rule),
            "software": dict(self.software),
            "changes": None if self.changes is None else asdict(self.changes),
            "checked": self.checked,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> NetworkPass:
        cells = np.array(data["cells"], np.float32)
        output = NetworkOutput(
            data["logit"],
            data["bias"],
            cells,
            Field(**data["field"]),
            data.get("disagreement"),
            data.get("method", "cam"),
            data.get("exact", True),
        )
        classifier = Classifier(**{**data["classifier"], "terms": terms_of(data["classifier"].get("terms"))})
        changes = None if data.get("changes") is None else Changes(**data["changes"])
        return cls(output, classifier, FieldRule(**data["rule"]), data["software"], changes, data.get("checked", ""))


def saved(found: NetworkPass, seen: Seen) -> dict[str, Any]:
    """A pass, and what the explanation that is shown was made of, as plain data for a scene."""
    return {"pass": found.to_dict(), "seen": asdict(seen)}


def restored(data: dict[str, Any] | None) -> tuple[NetworkPass, Seen] | None:
    """What :func:`saved` made, from a scene; None where it is missing or of another version of this software."""
    try:
        return None if data is None else (NetworkPass.from_dict(data["pass"]), seen_from(data["seen"]))
    except (KeyError, TypeError, ValueError, IndexError, BreastMassXAIError):
        return None


def regions_digest(case: Case, settings: Settings) -> str:
    """What a counter-check's regions hang on: mass, ring, pixel size and beams."""
    frame = case.frame
    return f"{digest_of(case.mass)} {settings.ring_mm} {frame.spacing} {frame.beams} {settings.check}"


def look(case: Case, model: Model, progress: Progress, settings: Settings | None = None) -> NetworkPass:
    """Run a model's network on a case and explain it as the settings say, in any thread.

    Raises
    ------
    BreastMassXAIError
        When the model cannot be loaded, there is no such device, or it answers with what is no number.
    """
    progress(0, 2, "loading the model")
    bundle = loaded(model)
    from ..methods.running import saliency_map
    from ..network.device import on_device

    on_device(bundle, model.device)
    settings = settings or Settings()
    method = method_of(settings.method)
    progress(1, 2, "network" if settings.method == "cam" else method.label)
    output = saliency_map(bundle, case, method)
    changes = checked(bundle, case, output, settings)[1]
    progress(2, 2, "done")
    digest = "" if changes is None else regions_digest(case, settings)
    return NetworkPass(output, bundle.classifier, bundle.rule, software_versions(), changes, digest)
