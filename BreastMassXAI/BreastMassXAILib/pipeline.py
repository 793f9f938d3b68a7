"""One street from a case, or from a cine loop, to its explanation."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from . import __version__
from .core.cine import Cine, read_if_whole
from .core.cine_result import CineResult, ExplainedFrame, FrameResult, summarise
from .core.classifier import Classifier, NetworkOutput
from .core.counter_check import Changes
from .core.errors import InputError, MissingPackageError, SpacingError
from .core.explain import Explanation, Partition, explain, partition
from .core.field import FieldRule
from .core.frame import Case, Frame
from .core.infill import FILLS
from .core.progress import Progress, silent
from .core.propagation import MassTrack, TrackedMass
from .core.result import Settings
from .methods import method_of

if TYPE_CHECKING:
    from .network.bundle import Bundle
    from .network.outline import Outliner

NO_MASK = "without a mask"
UNREADABLE = "unreadable"
OUTSIDE = "with the mass outside the scan area"


def load_model(folder: Path | None = None) -> Bundle:
    """The model in a folder, or the shipped one.

    Raises
    ------
    BreastMassXAIError
        When it cannot be loaded; where the network's packages are missing, the sentence names them.
    """
    with _network_packages():
        from .network.bundle import load_bundle
    return load_bundle(folder)


def load_outliner(folder: Path | None = None) -> Outliner:
    """The network that suggests outlines, from a folder, or the shipped one.

    Raises
    ------
    BreastMassXAIError
        As :func:`load_model`.
    """
    with _network_packages():
        from .network.outline import load_outliner as load
    return load(folder)


@contextmanager
def _network_packages() -> Iterator[None]:
    """Imports of the network's room: what is missing is told in a sentence."""
    try:
        yield
    except ImportError as error:
        raise MissingPackageError(
            f"The network needs the package {error.name}: install torch, torchvision and safetensors."
        ) from error


def with_field(bundle: Bundle, kind: str | None) -> Bundle:
    """The bundle with another field of the whole frame.

    Parameters
    ----------
    kind : {"frame", "scan-area"}, optional
        As the bundle is, if not given.

    Raises
    ------
    InputError
        When the model was trained on a square around the mass: on another field its answer would mean nothing.
    """
    if kind is None:
        return bundle
    if bundle.rule.kind in ("square", "roi"):
        raise InputError(
            f"The model {bundle.classifier.name} looks at a square around the mass, so its field cannot be changed."
        )
    return replace(bundle, rule=FieldRule(kind))


def check_choices(classifier: Classifier, settings: Settings) -> None:
    """Refuse, before a network runs for nothing, what a model does not offer.

    Raises
    ------
    InputError
        When it lacks the operating point or the rule of suspension that is asked for; or there is no such method.
    """
    method_of(settings.method)
    if settings.check is not None and settings.check not in FILLS:
        raise InputError(f"A counter-check replaces a region by {', '.join(FILLS)}, not by {settings.check!r}.")
    classifier.at(settings.operating_point).suspended_by(settings.suspend)


def analyze(case: Case, bundle: Bundle, settings: Settings | None = None) -> Explanation:
    """Classify a case and explain the decision: one forward pass and little more, unless `settings` name a method that
    needs more.

    Raises
    ------
    SpacingError
        When a ring is asked for and the frame's spacing is unknown; before the network runs.
    """
    from .methods.running import saliency_map

    settings = settings or Settings()
    method = method_of(settings.method)
    if settings.ring_mm > 0:
        case.frame.spacing.mm()
    check_choices(bundle.classifier, settings)
    output = saliency_map(bundle, case, method)
    regions, changes = checked(bundle, case, output, settings)
    return explain(case, output, bundle.classifier, settings, software_versions(), regions, changes)


def checked(
    bundle: Bundle, case: Case, output: NetworkOutput, settings: Settings
) -> tuple[Partition | None, Changes | None]:
    """The counter-check that the settings ask for, with the regions that it replaced; nothing where they ask for none.

    Raises
    ------
    SpacingError, InputError
        As :func:`~.core.explain.partition`.
    """
    if settings.check is None:
        return None, None
    from .methods.counter_check import changes_of

    regions = partition(case, output.field, output.cells.shape, settings)
    return regions, changes_of(bundle, case, output, regions.labels, settings.check)


def analyze_cine(
    cine: Cine,
    masks: MassTrack | Iterable[tuple[int, np.ndarray]],
    bundle: Bundle,
    settings: Settings | None = None,
    *,
    frames: Sequence[int] | None = None,
    batch: int = 8,
    each: Callable[[ExplainedFrame], None] | None = None,
    progress: Progress = silent,
) -> CineResult:
    """Explain the frames of a loop or the slices of a stack, a few at a time.

    Every frame's explanation is the one that :func:`analyze` gives. Memory holds one batch of frames, whatever the
    loop's length: images are handed on and forgotten, the numbers of each frame are kept.

    Parameters
    ----------
    cine : Cine
    masks : MassTrack or iterable of (index, mask)
        Frames without a mask are skipped, unless the track propagates; so are those whose mass lies outside their scan
        area, and damaged ones.
    bundle : Bundle
    settings : Settings, optional
    frames : sequence of int, optional
        Which frames to look at, ascending; all by default.
    batch : int
        Frames in one pass of the network.
    each : callable, optional
        Called with every explained frame, in order; what it raises stops the work.
    progress : Progress
        Called between frames; what it raises stops the work.

    Raises
    ------
    SpacingError
        When a ring is asked for and the spacing of a frame is unknown.
    InputError
        When no frame can be explained, or a mask does not fit.
    """
    settings = settings or Settings()
    check_choices(bundle.classifier, settings)
    track = masks if isinstance(masks, MassTrack) else MassTrack(masks)
    if track.annotated[-1] >= len(cine):
        raise InputError(f"There is a mask for frame {track.annotated[-1] + 1}, but the loop has {len(cine)} frames.")
    chosen = range(len(cine)) if frames is None else frames
    explainer = _FrameExplainer(bundle, settings)
    results: list[FrameResult] = []
    skipped: dict[str, list[int]] = {}
    waiting: list[tuple[int, TrackedMass, Case]] = []

    def explain_waiting() -> None:
        cases = [case for _, _, case in waiting]
        for (index, mass, case), (explanation, output) in zip(waiting, explainer(cases), strict=True):
            results.append(FrameResult.of(cine, index, mass, explanation.result))
            if each is not None:
                each(ExplainedFrame(results[-1], case, explanation, output))
        waiting.clear()

    for done, index in enumerate(chosen):
        progress(done, len(chosen), "frames")
        mass = track.at(index)
        if mass is None:
            skipped.setdefault(NO_MASK, []).append(index)
            continue
        frame = read_if_whole(cine, index)
        if frame is None:
            skipped.setdefault(UNREADABLE, []).append(index)
            continue
        case = _case(frame, mass, index, settings)
        if frame.scan_area is not None and not (mass.mask & frame.scan_area).any():
            skipped.setdefault(OUTSIDE, []).append(index)
            continue
        waiting.append((index, mass, case))
        if len(waiting) >= batch:
            explain_waiting()
    if waiting:
        explain_waiting()
    progress(len(chosen), len(chosen), "frames")
    if not results:
        raise InputError("None of the chosen frames could be explained: they have no mask or cannot be read.")
    return summarise(cine, track, results, skipped, bundle.classifier.at(settings.operating_point), settings)


class _FrameExplainer:
    """Explains batches of frames; what two frames in a row have in common is computed once."""

    def __init__(self, bundle: Bundle, settings: Settings) -> None:
        self._bundle = bundle
        self._settings = settings
        self._software = software_versions()
        self._last: tuple[Case, NetworkOutput, Partition] | None = None

    def __call__(self, cases: list[Case]) -> Iterable[tuple[Explanation, NetworkOutput]]:
        from .methods.running import saliency_maps

        outputs = saliency_maps(self._bundle, cases, method_of(self._settings.method))
        for case, output in zip(cases, outputs, strict=True):
            regions = self._regions(case, output)
            changes = checked(self._bundle, case, output, self._settings)[1]
            explanation = explain(
                case, output, self._bundle.classifier, self._settings, self._software, regions, changes
            )
            yield explanation, output

    def _regions(self, case: Case, output: NetworkOutput) -> Partition:
        if self._last is None or not _same_regions(self._last, (case, output)):
            self._last = case, output, partition(case, output.field, output.cells.shape, self._settings)
        return self._last[2]


def _same_regions(known: tuple[Case, NetworkOutput, Partition], new: tuple[Case, NetworkOutput]) -> bool:
    (first, first_output, _), (second, second_output) = known, new
    return (
        first.frame.spacing == second.frame.spacing
        and first.frame.beams == second.frame.beams
        and first_output.field == second_output.field
        and _same_array(first.frame.scan_area, second.frame.scan_area)
        and first.mass_origin is second.mass_origin
        and _same_array(first.mass, second.mass)
    )


def _same_array(first: np.ndarray | None, second: np.ndarray | None) -> bool:
    if first is None or second is None or first is second:
        return first is second
    return np.array_equal(first, second)


def _case(frame: Frame, mass: TrackedMass, index: int, settings: Settings) -> Case:
    try:
        if settings.ring_mm > 0:
            frame.spacing.mm()
        return Case(frame, mass.mask, mass_origin=mass.outlined)
    except SpacingError:
        raise
    except InputError as error:
        raise InputError(f"Frame {index + 1}: {error}") from error


def report_head(schema_version: int, command: str) -> dict[str, Any]:
    """What every report of a study begins with: schema, command, when it was finished, and by which software."""
    return {
        "schema_version": schema_version,
        "command": command,
        "finished": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "software": software_versions(),
    }


def software_versions() -> dict[str, str]:
    """Versions of what computes a result."""
    found = {"breast-mass-xai": __version__, "python": platform.python_version()}
    for package in ("numpy", "scipy", "torch", "torchvision"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
