"""A cine loop in a panel: all its frames explained in the background, and a plot whose cursor follows its browser.

A frame that the browser shows is a session's affair like any other. Here the loop is explained as a whole, as
``analyze-cine`` does it, and each frame's answer of the network is kept, so that every frame follows an edited mass.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from vtkmodules.vtkCommonCore import vtkCommand

from ..core.beams import with_beams
from ..core.cine import Cine, with_settled_geometry
from ..core.cine_result import CineResult, ExplainedFrame
from ..core.counter_check import changes_in
from ..core.errors import InputError
from ..core.explain import Explanation
from ..core.frame import Frame, Provenance, Spacing
from ..core.progress import Progress, silent
from ..core.propagation import HELD, INTERPOLATED, MassTrack
from ..core.result import Settings
from ..core.scan_area import with_scan_area
from ..pipeline import analyze_cine, software_versions
from ..scene.cine import move_cursor, show_cine_explanation, summary_of
from ..scene.colors import ROLE_ATTRIBUTE
from ..scene.explanation import explanation_nodes
from ..scene.loops import add_masses, browser_showing, cine_of, masks_of, origins_of
from ..scene.nodes import remove_node
from .adding import MASS_SEGMENT
from .inputs import Seen, digest_of, digest_of_voxels
from .models import Model, loaded
from .passes import NetworkPass, regions_digest, saved
from .session import Session
from .worker import Worker

BATCH = 8
"""Frames in one pass of the network."""
LOOP_MASS_ROLE = "loop mass"
SCENE_PIXELS = 60_000_000
"""Pixels of all frames together whose maps a scene may hold: 125 frames of 600 x 800, in Slicer some 0.5 GB."""


@dataclass(frozen=True, eq=False)
class LoopAnswer:
    """What the worker hands over: the loop's result, and by frame its explanation, digests, and network's answer."""

    result: CineResult
    explanations: dict[int, Explanation]
    seen: dict[int, Seen]
    passes: dict[int, NetworkPass]


@dataclass(frozen=True, eq=False)
class LoopJob:
    """A loop taken out of the scene; :meth:`run` may be called in any thread."""

    browser: Any
    segmentation_node: Any
    cine: Cine
    track: MassTrack
    digests: tuple[str, ...]
    model: Model
    settings: Settings

    def run(self, progress: Progress = silent) -> LoopAnswer:
        """Explain all frames.

        Raises
        ------
        BreastMassXAIError
        """
        progress(0, len(self.cine), "loading the model")
        bundle = loaded(self.model)
        from ..network.device import on_device

        on_device(bundle, self.model.device)
        software = software_versions()
        wanted = _shown(len(self.cine), self.track)
        explanations: dict[int, Explanation] = {}
        seen: dict[int, Seen] = {}
        passes: dict[int, NetworkPass] = {}

        def keep(frame: ExplainedFrame) -> None:
            index, spacing = frame.entry.index, frame.case.frame.spacing
            assert frame.output is not None
            changes = changes_in(frame.explanation.result.check)
            digest = "" if changes is None else regions_digest(frame.case, self.settings)
            passes[index] = NetworkPass(frame.output, bundle.classifier, bundle.rule, software, changes, digest)
            seen[index] = Seen(
                frame=self.digests[index],
                mass=digest_of(frame.case.mass),
                spacing_mm=spacing.mm() if spacing.known else None,
                provenance=spacing.provenance.value,
                ring_mm=self.settings.ring_mm,
                grey_zone=self.settings.grey_zone,
                model=self.model.sha256,
                mask_origin=frame.case.mass_origin.value,
                method=self.settings.method,
                check=self.settings.check,
            )
            if index in wanted:
                explanations[index] = frame.explanation

        result = analyze_cine(self.cine, self.track, bundle, self.settings, batch=BATCH, each=keep, progress=progress)
        return LoopAnswer(result, explanations, seen, passes)


class Loop:
    """The loop that a session's frame belongs to, if it belongs to one. For the main thread.

    Parameters
    ----------
    session : Session
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self._browser: Any = None
        self._observation: int | None = None

    def close(self) -> None:
        """Stop looking at the browser."""
        self._observe(None)

    def follow(self) -> None:
        """Look at the session's frame: its loop's cursor follows the browser from now on. Cheap."""
        self._observe(browser_showing(self._session.inputs[0]))

    @property
    def count(self) -> int:
        """How many frames the loop has; 0 where the frame is a single one."""
        sequence = None if self._browser is None else self._browser.GetMasterSequenceNode()
        count = 0 if sequence is None else sequence.GetNumberOfDataNodes()
        return count if count > 1 else 0

    @property
    def can_explain(self) -> bool:
        """Whether all frames can be explained now."""
        return self.count > 0 and self._session.can_explain

    @property
    def chart(self) -> Any | None:
        """The plot of the loop's probabilities; None before it is explained."""
        nodes = None if self._browser is None else explanation_nodes(self._session.inputs[0])
        return None if nodes is None else nodes.companion.GetNodeReference("chart")

    @property
    def words(self) -> str:
        """The loop's result in a sentence or two; empty before it is explained."""
        found = None if self._browser is None else summary_of(self._session.inputs[0])
        if found is None:
            return ""
        shares = ", ".join(f"{word} {share:.0%}" for word, share in found["shares"].items() if share)
        joint = ", because " if found["decision"] == "suspended" else ": "
        return (
            f"Loop {found['decision']}{joint}{found['reason']}. {found['analyzed_count']} of {found['frame_count']} "
            f"frames explained ({shares})."
        )

    def start(self, worker: Worker, done: Callable[[str], None], failed: Callable[[str, str], None]) -> int:
        """Explain all frames in the worker's thread.

        Parameters
        ----------
        done : callable
            Called with a sentence when the loop is shown.
        failed : callable
            Called with a sentence, empty after a cancel, and details.

        Returns
        -------
        int
            The worker's job, by which it is cancelled.

        Raises
        ------
        BreastMassXAIError
            With the sentence that says what is missing.
        """
        job = self.prepare()

        def show(answer: LoopAnswer) -> None:
            self.finish(job, answer)
            done(self.words)

        return worker.submit(job.run, show, failed)

    def prepare(self) -> LoopJob:
        """Take the loop out of the scene.

        A mass that is drawn on some of its frames is carried to the others (:class:`~..core.propagation.MassTrack`),
        which the result says of each frame.

        Raises
        ------
        BreastMassXAIError
            With the sentence that says what is missing.
        """
        session = self._session
        self.follow()
        if not self.count:
            raise InputError("This image is a single frame, and no loop: press Explain.")
        case, _ = session.look()  # says what is missing
        assert session.model is not None
        _, segmentation_node, segment_id = session.inputs
        place = self._browser, segmentation_node, segment_id
        track = MassTrack(masks_of(*place), propagate=True, outlined=origins_of(*place))
        annotated = track.annotated[0]
        mass = track.at(annotated)
        assert mass is not None
        sequence = self._browser.GetMasterSequenceNode()
        digests = tuple(digest_of_voxels(sequence.GetNthDataNode(item)) for item in range(self.count))
        cine = with_settled_geometry(
            self._frames(mass.mask, case.frame.spacing),
            annotated,
            lambda frame: with_beams(with_scan_area(frame, mass.mask)),
        )
        return LoopJob(self._browser, segmentation_node, cine, track, digests, session.model, session.settings)

    def finish(self, job: LoopJob, answer: LoopAnswer) -> None:
        """Show the loop's explanations in its browser.

        Raises
        ------
        InputError
            When the loop has left the scene, or its frames are others now.
        """
        session, browser = self._session, job.browser
        sequence = browser.GetMasterSequenceNode() if browser.GetScene() is session.scene else None
        if sequence is None or sequence.GetNumberOfDataNodes() != len(job.cine):
            raise InputError("The loop was removed or changed while its frames were explained.")
        mass = job.segmentation_node if job.segmentation_node.GetScene() is session.scene else None
        show_cine_explanation(
            browser,
            answer.explanations.items(),
            answer.result,
            session.saliency_range,
            mass,
            {item: saved(answer.passes[item], answer.seen[item]) for item in answer.explanations},
        )
        for item, found in answer.passes.items():
            session.keep_pass(job.digests[item], job.model.sha256, found)
        frame_node, segmentation_node, _ = session.inputs
        if browser != browser_showing(frame_node):
            return
        if segmentation_node is job.segmentation_node and browser.GetSequenceNode(segmentation_node) is not None:
            carried = [frame.index for frame in answer.result.frames if frame.mask_origin in (INTERPOLATED, HELD)]
            if carried:  # else these frames would have a result, and no mass that it is the result of
                segmentation_node = self._all_masses(job, answer)
                session.set_inputs(frame_node, segmentation_node, MASS_SEGMENT)
        session.adopt()

    def _all_masses(self, job: LoopJob, answer: LoopAnswer) -> Any:
        """The masses of all explained frames, those that were carried from other frames too, in nodes of ours."""
        browser, scene = job.browser, job.browser.GetScene()
        for node in list(_nodes_of_role(scene, LOOP_MASS_ROLE)):
            remove_node(scene, browser.GetSequenceNode(node))
            remove_node(scene, node)
        tracked = [(frame.index, job.track.at(frame.index)) for frame in answer.result.frames]
        name = f"{self._session.inputs[0].GetName()} mass on all frames"
        masses = {index: mass for index, mass in tracked if mass is not None}
        outlined = {index: mass.outlined for index, mass in masses.items()}
        node = add_masses(browser, ((index, mass.mask) for index, mass in masses.items()), name, outlined)
        node.SetAttribute(ROLE_ATTRIBUTE, LOOP_MASS_ROLE)
        return node

    def _frames(self, mass: np.ndarray, spacing: Spacing) -> Cine:
        """The frames as they are in the file that Slicer's DICOM module read, else as they are in the scene.

        What a user says of the pixel size of the frame that is shown holds for all of them.
        """
        file = self._session.reader.file
        cine = file.cine(mass) if file is not None and file.untouched else None
        if cine is None or len(cine) != self.count:
            cine = _copied(cine_of(self._browser))
            own = spacing.provenance not in (Provenance.CALIBRATED, Provenance.ASSUMED)
        else:
            own = spacing.provenance in (Provenance.DICOM_REGION, Provenance.DICOM_PIXEL_SPACING)
        if own or not spacing.known:
            return cine
        read = cine.read
        return replace(cine, read=lambda index: read(index).with_spacing(spacing))

    def _observe(self, browser) -> None:
        if browser is self._browser and (browser is None or browser.GetScene() is not None):
            return
        if self._browser is not None and self._observation is not None:
            self._browser.RemoveObserver(self._observation)
        self._browser, self._observation = browser, None
        if browser is not None:
            self._observation = browser.AddObserver(vtkCommand.ModifiedEvent, self._moved)
            move_cursor(browser)

    def _moved(self, *_event: Any) -> None:
        if self._browser is not None and self._browser.GetScene() is not None:
            move_cursor(self._browser)


def _nodes_of_role(scene, role: str) -> Iterator[Any]:
    for index in range(scene.GetNumberOfNodesByClass("vtkMRMLSegmentationNode")):
        node = scene.GetNthNodeByClass(index, "vtkMRMLSegmentationNode")
        if node.GetAttribute(ROLE_ATTRIBUTE) == role:
            yield node


def _shown(count: int, track: MassTrack) -> set[int]:
    """The frames whose maps the scene shall hold: all, or evenly chosen ones where they are too many for Slicer."""
    rows, columns = track.shape
    room = max(SCENE_PIXELS // (rows * columns), 1)
    if count <= room:
        return set(range(count))
    return {round(place) for place in np.linspace(0, count - 1, room)}


def _copied(cine: Cine) -> Cine:
    """The frames in memory, in 8 bits where that loses nothing: a worker may not read the scene."""
    kept: list[tuple[np.ndarray, Spacing, tuple[str, ...]] | InputError] = []
    for index in range(len(cine)):
        try:
            frame = cine.read(index)
        except InputError as error:  # a black frame, for instance: it is left out of the result
            kept.append(error)
            continue
        whole = frame.pixels.clip(0, 255).astype(np.uint8)
        pixels = whole if np.array_equal(whole, frame.pixels) else frame.pixels
        kept.append((pixels, frame.spacing, frame.warnings))

    def read(index: int) -> Frame:
        found = kept[index]
        if isinstance(found, InputError):
            raise found
        pixels, spacing, warnings = found
        return Frame(pixels.astype(np.float32), spacing, warnings=warnings)

    return Cine(len(kept), read, cine.times_s)
