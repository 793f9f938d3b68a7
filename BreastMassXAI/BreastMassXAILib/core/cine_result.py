"""The result of a cine loop: one result a frame, and what they say together."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from .cine import Cine
from .classifier import Classifier, NetworkOutput
from .explain import Explanation
from .frame import Case, Source
from .pointing import SPOKEN, Decision
from .propagation import MassTrack, TrackedMass
from .regions import RELEVANT
from .result import CaseResult, Settings
from .suspension import Evidence, SuspensionRule

SCHEMA_VERSION = 1
DECISIONS = ("malignant", "benign", "suspended")


@dataclass(frozen=True)
class FrameResult:
    """The result of one frame of a loop.

    Parameters
    ----------
    index : int
        The frame's, from 0.
    time_s : float, optional
        Seconds from the first frame, where they are known.
    mask_origin : {"annotated", "interpolated", "held", "automatic"}
    annotated : tuple of int
        The annotated frames that the mask was made from.
    result : CaseResult
    """

    index: int
    time_s: float | None
    mask_origin: str
    annotated: tuple[int, ...]
    result: CaseResult

    @classmethod
    def of(cls, cine: Cine, index: int, mass: TrackedMass, result: CaseResult) -> FrameResult:
        time_s = None if cine.times_s is None else float(cine.times_s[index])
        return cls(index, time_s, mass.origin, mass.annotated, result)


@dataclass(frozen=True, eq=False)
class ExplainedFrame:
    """A frame of a loop with its mask and its explanation, on the way to whoever writes or shows it.

    Parameters
    ----------
    entry : FrameResult
    case : Case
    explanation : Explanation
    output : NetworkOutput, optional
        From which it was explained; None where it comes from a file.
    """

    entry: FrameResult
    case: Case
    explanation: Explanation
    output: NetworkOutput | None = None


@dataclass(frozen=True)
class CineResult:
    """What an analysis found in a loop. Holds no path and nothing about the patient.

    Values: `median_logit` is the median of the frames' logits, `median_probability` its calibrated probability.
    `decision` follows from the median probability; it is suspended by the rule that suspends a frame's, looked at with
    the medians over the frames (the paper's: when neither extreme point lies in a region on more than half of them), or
    when the median probability falls in the grey zone. `suspension` names that rule. `shares` are the shares of the
    frames with each decision, `hit_shares` those with a hit in each region. `strongest` is the index of the frame whose
    logit is farthest from the logit of the threshold, on either side (the first of equals). `annotated` are
    the frames whose mask is not automatic. `skipped` maps a reason to the frames that were left out for it.
    """

    count: int
    frames: tuple[FrameResult, ...]
    skipped: dict[str, tuple[int, ...]]
    annotated: tuple[int, ...]
    propagated: bool
    median_logit: float
    median_probability: float
    threshold: float
    decision: str
    rule: str
    reason: str
    shares: dict[str, float]
    hit_shares: dict[str, float]
    suspension: dict[str, Any]
    strongest: int
    settings: Settings
    source: Source | None
    warnings: tuple[str, ...]
    schema_version: int = SCHEMA_VERSION

    def at(self, index: int) -> FrameResult | None:
        """The result of the frame with this index."""
        return next((frame for frame in self.frames if frame.index == index), None)

    def to_dict(self) -> dict[str, Any]:
        """The summary with the curve of probability over time. Here frames are counted from 1, as people do."""
        first = self.frames[0].result
        strongest = self.at(self.strongest)
        assert strongest is not None
        times = [frame.time_s for frame in self.frames]
        return {
            "schema_version": self.schema_version,
            "source": None if self.source is None else asdict(self.source),
            "frame_count": self.count,
            "analyzed_count": len(self.frames),
            "skipped": {reason: [index + 1 for index in indices] for reason, indices in self.skipped.items()},
            "annotated_frames": [index + 1 for index in self.annotated],
            "propagated": self.propagated,
            "mask_origins": dict(sorted(Counter(frame.mask_origin for frame in self.frames).items())),
            "median_logit": self.median_logit,
            "median_probability": self.median_probability,
            "threshold": self.threshold,
            "temperature": first.temperature,
            "decision": self.decision,
            "rule": self.rule,
            "reason": self.reason,
            "shares": self.shares,
            "hit_shares": self.hit_shares,
            "strongest": {
                "frame": self.strongest + 1,
                "time_s": strongest.time_s,
                "logit": strongest.result.logit,
                "probability": strongest.result.probability,
                "decision": strongest.result.decision,
            },
            "curve": {
                "frame": [frame.index + 1 for frame in self.frames],
                "time_s": None if None in times else times,
                "probability": [frame.result.probability for frame in self.frames],
            },
            "rows": first.frame["rows"],
            "columns": first.frame["columns"],
            "spacing_mm": None if first.spacing_mm is None else list(first.spacing_mm),
            "spacing_provenance": first.spacing_provenance,
            "ring_mm": self.settings.ring_mm,
            "grey_zone": self.settings.grey_zone,
            "operating_point": self.settings.operating_point,
            "suspension": dict(self.suspension),
            "method": first.method,
            "model": dict(first.model),
            "warnings": list(self.warnings),
            "software": dict(first.software),
        }

    def to_json(self) -> str:
        return json.dumps(self.to_dict(), indent=2, allow_nan=False) + "\n"


def summarise(
    cine: Cine,
    track: MassTrack,
    frames: Sequence[FrameResult],
    skipped: dict[str, list[int]],
    classifier: Classifier,
    settings: Settings,
) -> CineResult:
    """What the frames of a loop say together.

    Parameters
    ----------
    frames : sequence of FrameResult
        At least one, in order.
    skipped : dict
        Reason to frames.
    """
    logits = np.array([frame.result.logit for frame in frames])
    median = float(np.median(logits))
    probability = classifier.probability(median)
    words = Counter(frame.result.decision for frame in frames)
    hit_shares = {name: sum(frame.result.hits[name] for frame in frames) / len(frames) for name in (*RELEVANT, "any")}
    suspend = classifier.suspended_by(settings.suspend)
    spreads = [frame.result.disagreement for frame in frames if frame.result.disagreement is not None]
    evidence = Evidence(
        points=2 * (hit_shares["any"] >= 0.5),
        distance=classifier.distance(median),
        disagreement=float(np.median(spreads)) / classifier.temperature if spreads else None,
        inside=float(np.median([frame.result.evidence_inside or 0.0 for frame in frames])),
    )
    decision = _decide(probability, classifier.threshold, hit_shares["any"], evidence, suspend, settings.grey_zone)
    return CineResult(
        count=len(cine),
        frames=tuple(frames),
        skipped={reason: tuple(indices) for reason, indices in skipped.items()},
        annotated=track.confirmed,
        propagated=track.propagate,
        median_logit=median,
        median_probability=probability,
        threshold=classifier.threshold,
        decision=decision.word,
        rule=decision.rule,
        reason=decision.reason,
        shares={word: words[word] / len(frames) for word in DECISIONS},
        hit_shares=hit_shares,
        suspension={"rule": suspend.kind, "limit": suspend.limit, "measured": suspend.measured},
        strongest=frames[int(np.argmax(np.abs(logits - classifier.threshold_logit)))].index,
        settings=settings,
        source=cine.source,
        warnings=_warnings(cine, frames),
    )


def _decide(
    probability: float,
    threshold: float,
    hit_share: float,
    evidence: Evidence,
    suspend: SuspensionRule,
    grey_zone: float,
) -> Decision:
    said = suspend.reason(evidence)
    if said and suspend.kind != "paper":
        return Decision("suspended", SPOKEN.get(suspend.kind, suspend.kind), f"over the frames, {said}")
    if said:
        reason = (
            f"on {1 - hit_share:.0%} of the frames neither extreme point of the saliency map lies in the mass, the "
            "ring or the tissue below"
        )
        return Decision("suspended", "pointing-game", reason)
    median = f"the median probability {probability:.2f}"
    if grey_zone > 0 and abs(probability - threshold) <= grey_zone:
        return Decision(
            "suspended", "grey-zone", f"{median} is within {grey_zone:.2f} of the threshold {threshold:.2f}"
        )
    malignant = probability >= threshold
    reason = f"{median} is {'at or above' if malignant else 'below'} the threshold {threshold:.2f}"
    return Decision("malignant" if malignant else "benign", "threshold", reason)


def _warnings(cine: Cine, frames: Sequence[FrameResult]) -> tuple[str, ...]:
    """What concerns the loop, then what concerns frames: once, whatever numbers it has from frame to frame."""
    found: dict[str, list[str]] = {}
    for frame in frames:
        for text in frame.result.warnings:
            if text not in cine.warnings:
                found.setdefault(re.sub(r"\d+([.,]\d+)*", "0", text), []).append(text)
    told = []
    for texts in found.values():
        example = "" if len(set(texts)) == 1 else ", for example"
        everywhere = len(texts) == len(frames) and not example
        told.append(texts[0] if everywhere else f"On {len(texts)} of {len(frames)} frames{example}: {texts[0]}")
    if len({frame.result.spacing_mm for frame in frames}) > 1:
        told.append("The pixel size changes within the loop; each frame is measured with its own.")
    return (*cine.warnings, *told)
