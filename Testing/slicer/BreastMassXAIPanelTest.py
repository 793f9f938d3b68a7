"""The panel's life in a real Slicer, with and without a main window: open, leave, close the scene, reload.

What it does with a frame is the module's own self-test (``BreastMassXAITest``).
"""

import sys
import unittest
from pathlib import Path

import slicer


class BreastMassXAIPanelTest(unittest.TestCase):
    def setUp(self):
        slicer.mrmlScene.Clear()
        self.representation = slicer.modules.breastmassxai.widgetRepresentation()

    def tearDown(self):
        if self.representation.isEntered:
            self.representation.exit()
        slicer.mrmlScene.Clear()

    @property
    def widget(self):
        return self.representation.self()

    def test_torchIsNotImportedBeforeItIsNeeded(self):
        self.representation.enter()
        self.assertNotIn("torch", sys.modules)

    def test_sceneMayBeClosedAnyTime(self):
        slicer.mrmlScene.Clear()
        self.representation.enter()
        slicer.mrmlScene.Clear()
        self.assertIsNotNone(self.widget.panel.parameters)
        self.representation.exit()
        self.assertIsNone(self.widget.panel.parameters)
        slicer.mrmlScene.Clear()
        self.representation.enter()
        self.assertFalse(self.widget.ui.explainButton.enabled)

    def test_everyWidgetOfTheFileIsThere(self):
        from xml.etree import ElementTree

        path = self.widget.resourcePath("UI/BreastMassXAI.ui")
        for element in ElementTree.parse(path).getroot().iter("widget"):
            if element.get("name") != "BreastMassXAI":
                widget = getattr(self.widget.ui, element.get("name"))
                self.assertEqual(widget.className(), element.get("class"), element.get("name"))

    def test_sampleDataAreOffline(self):
        import SampleData

        import BreastMassXAI

        if not SampleData.SampleDataLogic.sampleDataSourcesByCategory(BreastMassXAI.SAMPLE_CATEGORY):
            BreastMassXAI.registerSampleData()
        sources = SampleData.SampleDataLogic.sampleDataSourcesByCategory(BreastMassXAI.SAMPLE_CATEGORY)
        self.assertEqual(len(sources), 2)
        for source in sources:
            self.assertTrue(all(uri.startswith("file:") for uri in source.uris))
            self.assertTrue(Path(source.thumbnailFileName).is_file())
            frame, mass = source.customDownloader(source)
            self.assertLess(frame.GetSpacing()[0], 1.0)
            self.assertEqual(mass.GetSegmentation().GetNumberOfSegments(), 1)

    def test_reload(self):
        before = self.widget
        before.onReload()
        self.assertIsNot(self.widget, before)
        self.assertIsNone(before.panel)
        self.assertIsNotNone(self.widget.panel)
