"""The self-test's walk through the real panel. ``BreastMassXAITest`` of the module's file starts it."""

from __future__ import annotations

import csv
import tempfile
import time
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from unittest import TestCase

import numpy as np
import qt
import slicer

from ..presenter.adding import MASS_SEGMENT, samples
from ..presenter.status import State
from ..readers.frames import read_frame
from ..readers.masks import read_mask
from ..scene.inputs import add_frame, mass_of, set_segments
from ..scene.provenance import origin_of

_SETTINGS = "BreastMassXAI/"
_SHORT_S, _LONG_S = 20.0, 300.0
"""How long the test waits for the panel, and for the network on a slow computer."""


class Settings:
    """The user's settings of the module, put back after a test."""

    def __init__(self) -> None:
        settings = qt.QSettings()
        self._kept = {key: settings.value(key) for key in settings.allKeys() if key.startswith(_SETTINGS)}
        settings.remove(_SETTINGS.rstrip("/"))

    def put_back(self) -> None:
        settings = qt.QSettings()
        settings.remove(_SETTINGS.rstrip("/"))
        for key, value in self._kept.items():
            settings.setValue(key, value)


def missing_packages() -> list[str]:
    """Which of the network's packages are not installed here."""
    return [name for name in ("torch", "torchvision", "safetensors") if find_spec(name) is None]


class Walk:
    """Parameters
    ----------
    test : TestCase
        For its assertions.
    widget : BreastMassXAIWidget
        The module's, entered.
    """

    def __init__(self, test: TestCase, widget) -> None:
        self.test = test
        self.ui = widget.ui
        self.panel = widget.panel
        self._widget = widget

    @property
    def parameters(self):
        return self.panel.parameters

    def outline(self) -> None:
        """Load a frame, give it a mass with New mass, outline it by code. Needs no network."""
        test, ui, sample = self.test, self.ui, samples()[0]
        frame = read_frame(sample.frame)
        node = add_frame(slicer.mrmlScene, frame, "walk")
        ui.frameSelector.setCurrentNode(node)
        self._settle()
        test.assertIs(self.parameters.frame, node)
        test.assertIn(f"{frame.shape[1]} x {frame.shape[0]}", ui.imageCollapsibleButton.text)
        test.assertFalse(ui.explainButton.enabled, "there is no mass yet")
        ui.newMassButton.click()
        self._settle()
        segmentation = self.parameters.segmentation
        test.assertEqual(self.parameters.massSegmentID, MASS_SEGMENT)
        test.assertFalse(ui.explainButton.enabled, "the mass is empty")
        mask = read_mask(sample.mask, frame.shape).pixels
        self._draw(mask)
        np.testing.assert_array_equal(mass_of(segmentation, MASS_SEGMENT, node), mask)
        test.assertTrue(ui.explainButton.enabled, ui.statusText.text)

    def explain(self) -> None:
        """Explain, look at the nodes, explain again: the same nodes."""
        self._explain()
        test, result = self.test, self.panel.session.result
        test.assertAlmostEqual(sum(result.contributions.values()) + result.bias, result.logit, places=4)
        for name in ("saliency", "regions", "region segments", "extremes", "pointing game"):
            test.assertIsNotNone(slicer.mrmlScene.GetFirstNodeByName(f"walk {name}"), name)
        test.assertEqual(self.ui.pointingTable.rowCount, len(self.panel.session.table))
        test.assertTrue(self.ui.staleBanner.isHidden())  # `visible` would be False for all without a main window
        count = slicer.mrmlScene.GetNumberOfNodes()
        self._explain()
        test.assertEqual(slicer.mrmlScene.GetNumberOfNodes(), count, "a second run must not add nodes")

    def edit_and_undo(self) -> None:
        """A small edit changes the contributions without the network, undo brings them back, a large one is stale."""
        test, editor = self.test, self.ui.segmentEditor
        before = dict(self.panel.session.result.contributions)
        mask = mass_of(self.parameters.segmentation, MASS_SEGMENT, self.parameters.frame)
        wider = mask | np.roll(mask, 2, axis=1)
        editor.saveStateForUndo()
        self._draw(wider)
        test.assertIs(self.panel.session.status.state, State.CURRENT)
        test.assertNotEqual(before, self.panel.session.result.contributions)
        editor.undo()
        self._settle()
        test.assertEqual(before, self.panel.session.result.contributions)
        self._draw(np.roll(mask, mask.shape[1] // 4, axis=1))
        test.assertFalse(self.ui.staleBanner.isHidden(), "the network has not looked there")
        self._draw(mask)
        test.assertIs(self.panel.session.status.state, State.CURRENT)

    def suggest_and_accept(self) -> None:
        """Suggest, explain, edit, undo, accept: at every step the result says who outlined the mass."""
        test, ui, session = self.test, self.ui, self.panel.session
        before = mass_of(self.parameters.segmentation, MASS_SEGMENT, self.parameters.frame)
        ui.suggestButton.click()
        self._wait(lambda: not self.panel.worker.busy, _LONG_S)
        self._settle()
        suggested = mass_of(self.parameters.segmentation, MASS_SEGMENT, self.parameters.frame)
        overlap = 2 * np.count_nonzero(suggested & before) / (np.count_nonzero(suggested) + np.count_nonzero(before))
        test.assertGreater(overlap, 0.7, ui.statusText.text)
        test.assertTrue(ui.acceptButton.enabled)
        self._explain()
        test.assertEqual(session.result.mask["origin"], "automatic")
        ui.segmentEditor.saveStateForUndo()
        self._draw(suggested & np.roll(suggested, 2, axis=1))
        test.assertEqual(session.result.mask["origin"], "edited")
        ui.segmentEditor.undo()
        self._settle()
        test.assertEqual(session.result.mask["origin"], "automatic")
        ui.acceptButton.click()
        self._settle()
        test.assertEqual(session.result.mask["origin"], "accepted")
        test.assertFalse(ui.acceptButton.enabled)
        ui.segmentEditor.undo()
        self._settle()
        test.assertEqual(session.result.mask["origin"], "automatic")
        ui.segmentEditor.redo()
        self._settle()
        test.assertEqual(session.result.mask["origin"], "accepted")

    def cohort(self, folder: Path) -> None:
        """List three cases, explain all of them, step through them."""
        test, ui = self.test, self.ui
        manifest = folder / "cohort.csv"
        with manifest.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file)
            writer.writerow(["image", "mask", "label", "spacing_row_mm", "spacing_col_mm"])
            for sample in samples():
                row_mm, column_mm = read_frame(sample.frame).spacing.mm()
                writer.writerow([sample.picture, sample.mask, sample.name, row_mm, column_mm])
            writer.writerow([samples()[0].frame, samples()[0].mask, samples()[0].name, "", ""])
        self.panel.cohort.load(manifest)
        test.assertEqual(ui.cohortTable.rowCount, 3, ui.statusText.text)
        ui.runAllButton.click()
        self._wait(lambda: not self.panel.worker.busy, _LONG_S)
        self._settle()
        states = [ui.cohortTable.item(row, 2).text() for row in range(3)]
        test.assertEqual(states, ["done"] * 3, ui.cohortText.text)
        ui.nextCaseButton.click()
        self._settle()
        first = self.parameters.frame.GetName()
        test.assertIs(self.panel.session.status.state, State.CURRENT, "a case that is done is shown explained")
        ui.nextCaseButton.click()
        self._settle()
        ui.previousCaseButton.click()
        self._settle()
        test.assertEqual(self.parameters.frame.GetName(), first)

    def save_and_restore(self, folder: Path) -> None:
        """Save the scene, close it, open it: the same decision, still current."""
        test, path = self.test, folder / "walk.mrb"
        result = self.panel.session.result
        test.assertTrue(slicer.util.saveScene(str(path)))
        slicer.mrmlScene.Clear()
        self._settle()
        test.assertIsNone(self.parameters.frame)
        test.assertIsNone(self.panel.session.result)
        slicer.util.loadScene(str(path))
        self._settle()
        test.assertIsNotNone(self.parameters.frame)
        test.assertEqual(self.panel.session.result, result)
        origin = origin_of(
            self.parameters.segmentation,
            self.parameters.massSegmentID,
            mass_of(self.parameters.segmentation, self.parameters.massSegmentID, self.parameters.frame),
        )
        test.assertEqual(origin.value, result.mask["origin"])
        test.assertIs(self.panel.session.status.state, State.CURRENT, self.panel.session.status.sentence)
        test.assertEqual(self.ui.decisionText.text, self.panel.session.decision)

    def try_it(self) -> None:
        """One click from an empty scene."""
        self.ui.tryItButton.click()
        self._wait(lambda: not self.panel.worker.busy, _LONG_S)
        self._settle()
        self.test.assertIs(self.panel.session.status.state, State.CURRENT, self.ui.statusText.text)

    def _explain(self) -> None:
        self.ui.explainButton.click()
        self._wait(lambda: not self.panel.worker.busy, _LONG_S)
        self._settle()
        self.test.assertIs(self.panel.session.status.state, State.CURRENT, self.ui.statusText.text)

    def _draw(self, mask: np.ndarray) -> None:
        color = self.parameters.segmentation.GetSegmentation().GetSegment(MASS_SEGMENT).GetColor()
        set_segments(
            self.parameters.segmentation, mask.astype(np.uint8), self.parameters.frame, {MASS_SEGMENT: tuple(color)}
        )
        self._settle()

    def _settle(self) -> None:
        """Let timers and views do what is due."""
        self._wait(lambda: not self.panel.session.due, _SHORT_S)
        slicer.app.processEvents()

    def _wait(self, until: Callable[[], bool], seconds: float) -> None:
        end = time.monotonic() + seconds
        slicer.app.processEvents()
        while not until():
            self.test.assertLess(
                time.monotonic(), end, f"still waiting after {seconds:.0f} s: {self.ui.statusText.text}"
            )
            slicer.app.processEvents()
            time.sleep(0.01)


def in_folder(steps: Callable[[Path], None]) -> None:
    """Run steps with a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory() as folder:
        steps(Path(folder))
