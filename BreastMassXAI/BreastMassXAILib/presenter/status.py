"""Where a session stands, as a pure function of what is known of it: nothing is remembered, nothing is asked."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from .inputs import Seen


class State(str, Enum):
    EMPTY = "empty"  # nothing chosen yet
    MISSING = "missing"  # something is wanting; the sentence says what
    READY = "ready"  # Explain can be pressed
    RUNNING = "running"
    CURRENT = "current"  # the result fits the inputs
    UPDATING = "updating"  # inputs changed a moment ago; `refresh` is due and will say what that means
    STALE = "stale"  # there is a result, and the sentence says why it does not fit
    FAILED = "failed"  # the sentence says why, the details hold the traceback


@dataclass(frozen=True)
class Status:
    """Where a session stands, with one sentence for the user and, after a failure, details on request."""

    state: State
    sentence: str
    details: str = ""


@dataclass(frozen=True)
class Known:
    """What is known of a session.

    Parameters
    ----------
    chosen : bool
        Whether there is an image.
    running : bool
        Whether the network is at work.
    problem : Status, optional
        What is wrong with the inputs; `now` is not known then.
    failure : Status, optional
        How the last explanation of these very inputs failed.
    now : Seen, optional
        The inputs as they are.
    shown : bool
        Whether there is an explanation in the scene.
    was : Seen, optional
        The inputs that it was made of, where that is known.
    saved_reason : str, optional
        Why a restored explanation does not fit.
    answered : bool
        Whether the network's answer to this image and model is at hand.
    fits : bool
        Whether that answer holds for the mass as it is now.
    """

    chosen: bool = False
    running: bool = False
    problem: Status | None = None
    failure: Status | None = None
    now: Seen | None = None
    shown: bool = False
    was: Seen | None = None
    saved_reason: str | None = None
    answered: bool = False
    fits: bool = False


def status_of(known: Known) -> Status:
    """Where that leaves the user."""
    if not known.chosen:
        return Status(State.EMPTY, "Choose an image, or try the sample.")
    if known.running:
        return Status(State.RUNNING, "The network is looking at the image.")
    if known.problem is not None:
        stale = known.shown and known.problem.state is State.MISSING
        return Status(State.STALE, known.problem.sentence) if stale else known.problem
    if known.failure is not None:
        return known.failure
    assert known.now is not None
    if known.answered:
        return _answered(known)
    if not known.shown:
        return Status(State.READY, "Press Explain.")
    if known.saved_reason:
        return Status(State.STALE, known.saved_reason)
    if known.was == known.now:
        return Status(State.CURRENT, "The explanation was saved with this scene.")
    return Status(State.STALE, why_stale(known.was, known.now))


def _answered(known: Known) -> Status:
    if known.fits:
        return Status(State.CURRENT, "The explanation fits image, mass and settings.")
    return Status(
        State.STALE,
        "The mass is no longer where the network looked: the regions are those of the mass as it is now, on "
        "the network's answer to the mass as it was. Press Explain again.",
    )


def why_stale(was: Seen | None, now: Seen) -> str:
    """Why an explanation that was made of other inputs does not fit these."""
    if was is None or was.model != now.model:
        return "This explanation is another model's: press Explain for the chosen one's."
    if was.method != now.method:
        return "This explanation is another method's: press Explain for the chosen one's."
    if was.frame != now.frame:
        return "The image is not the one that was explained: press Explain."
    return (
        "Mass or settings were changed, and this scene does not keep what the network answered: press Explain; from "
        "then on the explanation follows every edit."
    )
