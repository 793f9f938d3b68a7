"""The image, mass, model and settings that a panel has chosen: watched for changes, and read as a case.

Nothing is known here of explanations.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import slicer
from vtkmodules.vtkCommonCore import vtkCommand

from ..core.errors import BreastMassXAIError, BundleError, InputError
from ..core.frame import Case
from ..core.lexicon import checked_words
from ..core.result import Settings
from ..scene.belonging import frame_of_mass, masses_of
from ..scene.explanation import explanation_nodes
from ..scene.provenance import origin_of
from .inputs import FrameReader, InputFacts, Seen, digest_of, digest_of_voxels, facts_of, mass_in
from .models import Model, shipped_models


class Chosen:
    """What is chosen now; listeners hear of every change to it, in the scene too.

    All methods and properties are for the main thread. Nothing is written to nodes that the user made.

    Parameters
    ----------
    scene : vtkMRMLScene
    """

    def __init__(self, scene) -> None:
        self._scene = scene
        self._frame_node: Any = None
        self._segmentation_node: Any = None
        self._segment_id = ""
        self._settings = Settings()
        self._assumed_width_mm = 0.0
        self._model: Model | None = None
        self._reader = FrameReader()
        self._facts: InputFacts | None = None
        self._words: dict[str, dict[str, str]] = {}  # by the digest of a frame's voxels
        self._due = False
        self._listeners: list[Callable[[], None]] = []
        self._observed: list[tuple[Any, int]] = []
        with suppress(BreastMassXAIError, IndexError):  # the user is asked to choose a model
            self._model = shipped_models()[0]

    def close(self) -> None:
        """Stop observing the scene. To be called before the panel goes away."""
        self._listeners.clear()
        self._observe(None, None)

    # Image and mass

    @property
    def reader(self) -> FrameReader:
        """By which the chosen frame is read."""
        return self._reader

    @property
    def scene(self) -> Any:
        return self._scene

    @property
    def inputs(self) -> tuple[Any, Any, str]:
        """Frame node, segmentation node and segment id."""
        return self._frame_node, self._segmentation_node, self._segment_id

    def mass_for(self, frame_node, segmentation_node, segment_id: str) -> tuple[Any, str]:
        """The mass to take with a frame, where a panel names a frame and the mass that it had so far.

        As long as the frame is the session's, or the mass is another one than the session's, both were chosen. A frame
        that is chosen alone brings the mass that it was explained with, else the one that was drawn on it; another
        frame's mass is not its own.

        Returns
        -------
        segmentation_node : vtkMRMLSegmentationNode or None
        segment_id : str
        """
        alone = frame_node is not None and frame_node is not self._frame_node
        if not alone or (segmentation_node is not None and segmentation_node is not self._segmentation_node):
            return segmentation_node, segment_id
        if segmentation_node is not None and frame_of_mass(segmentation_node) is frame_node:
            return segmentation_node, segment_id
        return suggested_mass(frame_node) or (None, "")

    @property
    def suggested_mass(self) -> tuple[Any, str] | None:
        """The segmentation and segment that go with the frame, for a panel that knows no other."""
        return None if self._frame_node is None else suggested_mass(self._frame_node)

    @property
    def facts(self) -> InputFacts | None:
        """What the image is; None where none is chosen or it is no frame."""
        return self._facts

    def look(self) -> tuple[Case, Seen]:
        """The inputs as they are.

        Raises
        ------
        BreastMassXAIError
            With what is missing.
        """
        if self._frame_node is None:
            raise InputError("Choose an image, or try the sample.")
        digest, frame = self._reader.frame(self._frame_node, self._assumed_width_mm)
        self._facts = facts_of(frame)
        mass = mass_in(self._segmentation_node, self._segment_id, self._frame_node)
        digest, frame = self._reader.frame(self._frame_node, self._assumed_width_mm, mass)
        self._facts = facts_of(frame)
        settings = self._settings
        if settings.ring_mm > 0:
            frame.spacing.mm()
        if self._model is None:
            raise BundleError("Choose a model.")
        self._model.check(settings)
        case = self._reader.case(frame, mass)
        origin = origin_of(self._segmentation_node, self._segment_id, mass)
        case = replace(case, mass_origin=origin, words={**case.words, **self._words.get(digest, {})})
        seen = Seen(
            frame=digest,
            mass=digest_of(mass),
            spacing_mm=frame.spacing.mm() if frame.spacing.known else None,
            provenance=frame.spacing.provenance.value,
            ring_mm=settings.ring_mm,
            grey_zone=settings.grey_zone,
            model=self._model.sha256,
            operating_point=settings.operating_point,
            suspend=settings.suspend,
            mask_origin=origin.value,
            method=settings.method,
            check=settings.check,
            words=tuple(case.words.items()),
        )
        return case, seen

    def say(self, feature: str, word: str | None) -> None:
        """Keep a reader's word for a feature of the lexicon, for the chosen frame's mass; None takes it back.

        Raises
        ------
        InputError
            When the lexicon has no such word.
        """
        if self._frame_node is None:
            return
        digest = digest_of_voxels(self._frame_node)
        said = {**self._words.get(digest, {}), **({} if word is None else {feature: word})}
        if word is None:
            said.pop(feature, None)
        checked = checked_words(said)
        if checked != self._words.get(digest, {}):
            self._words[digest] = checked
            self._changed()

    # Settings and model

    @property
    def settings(self) -> Settings:
        return self._settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        if settings != self._settings:
            self._settings = settings
            self._chosen_anew()

    @property
    def assumed_width_mm(self) -> float:
        """Imaged width that is assumed of frames whose pixel size is unknown; 0 for no assumption."""
        return self._assumed_width_mm

    @assumed_width_mm.setter
    def assumed_width_mm(self, width: float) -> None:
        if width != self._assumed_width_mm:
            self._assumed_width_mm = width
            self._chosen_anew()

    @property
    def model(self) -> Model | None:
        return self._model

    @model.setter
    def model(self, model: Model | None) -> None:
        changed = model != self._model
        self._model = model  # an equal one may be told to run elsewhere
        if changed:
            self._chosen_anew()

    # Hearing of changes

    def on_change(self, listener: Callable[[], None]) -> None:
        """Call `listener` whenever inputs or status changed; it should redraw and, if :attr:`due`, start its timer."""
        self._listeners.append(listener)

    @property
    def due(self) -> bool:
        """Whether inputs changed and :meth:`refresh` is wanted, at latest some 100 ms from now."""
        return self._due

    def _chosen_anew(self) -> None:
        """Settings or model are others than before."""
        self._changed()

    def _changed(self, *_event: Any) -> None:
        self._due = True
        self._tell()

    def _tell(self) -> None:
        for listener in list(self._listeners):
            listener()

    def _choose(self, frame_node, segmentation_node, segment_id: str) -> None:
        self._observe(frame_node, segmentation_node)
        self._frame_node, self._segmentation_node, self._segment_id = frame_node, segmentation_node, segment_id

    def _drop_nodes_that_are_gone(self) -> None:
        """Choose nothing in place of nodes that left the scene."""
        frame, mass = (
            None if node is None or node.GetScene() is None else node
            for node in (self._frame_node, self._segmentation_node)
        )
        if frame is not self._frame_node or mass is not self._segmentation_node:
            self._choose(frame, mass, self._segment_id)

    def _observe(self, frame_node, segmentation_node) -> None:
        for node, tag in self._observed:
            node.RemoveObserver(tag)
        self._observed.clear()
        if frame_node is None and segmentation_node is None:
            return
        transformed = slicer.vtkMRMLTransformableNode.TransformModifiedEvent
        mass = slicer.vtkSegmentation  # an undone edit modifies the segment only
        events = [
            (self._scene, slicer.vtkMRMLScene.NodeRemovedEvent),
            (frame_node, vtkCommand.ModifiedEvent),
            (frame_node, slicer.vtkMRMLVolumeNode.ImageDataModifiedEvent),
            (frame_node, transformed),
            (segmentation_node, mass.SourceRepresentationModified),
            (segmentation_node, mass.SegmentModified),
            (segmentation_node, mass.SegmentAdded),
            (segmentation_node, mass.SegmentRemoved),
            (segmentation_node, vtkCommand.ModifiedEvent),
            (segmentation_node, transformed),
        ]
        self._observed += [(node, node.AddObserver(event, self._changed)) for node, event in events if node is not None]


def suggested_mass(frame_node) -> tuple[Any, str] | None:
    """The segmentation and segment that a frame was explained with, else those that were drawn on it."""
    nodes = explanation_nodes(frame_node)
    found = [] if nodes is None or nodes.mass is None else [nodes.mass]
    for node in (*found, *masses_of(frame_node)):
        ids = node.GetSegmentation().GetSegmentIDs()
        if ids:
            return node, "mass" if "mass" in ids else ids[0]
    return None
