"""The Slicer module: choose a frame, outline its mass, press Explain, see why.

Thin on purpose. What a panel shows and does is in ``BreastMassXAILib.presenter``, without Qt; its sections are in
``BreastMassXAILib.widgets``. Nothing of either is imported before the panel is opened.
"""

from __future__ import annotations

import unittest
from pathlib import Path
from typing import Annotated

import slicer
import vtk
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import Choice, WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin

SAMPLE_CATEGORY = "BreastMassXAI"


class BreastMassXAI(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Breast Mass XAI")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Ultrasound")]
        self.parent.dependencies = []  # PyTorch is asked for when it is needed: the module loads without it
        self.parent.contributors = ["The BreastMassXAI developers"]
        self.parent.helpText = _(
            "Shows why a network called a breast mass on ultrasound malignant or benign: the signed class activation "
            "map over the frame, the mass, its peritumoral ring and the tissue below it, and how much each contributed "
            "to the decision.<br>Load a frame, outline the mass, press <b>Explain</b>; or press <b>Try it</b>.<br>"
            "<b>Research use only. Not for diagnosis.</b> Images never leave this computer."
        )
        self.parent.acknowledgementText = _(
            "Method: Byra et al., Explaining a deep learning based breast ultrasound image classifier with saliency "
            "maps, J Ultrason 2022; 22: e70-e75. Training data: BUS-BRA, Gomez-Flores et al., Med Phys 2024; 51: "
            "3110-3123."
        )
        slicer.app.connect("startupCompleted()", onStartupCompleted)


def onStartupCompleted():
    """What needs the whole application: its sample data and the module's layout. Imports nothing that takes time."""
    registerSampleData()
    registerLayout()


def registerLayout():
    """Make the layouts known, so that a scene that was saved with one opens in it, before the panel is."""
    from BreastMassXAILib.presenter.layout import layouts

    layoutManager = slicer.app.layoutManager()
    if layoutManager is None:  # Slicer without a main window
        return
    layoutNode = layoutManager.layoutLogic().GetLayoutNode()
    for number, description in layouts().items():
        if not layoutNode.IsLayoutDescription(number):
            layoutNode.AddLayoutDescription(number, description)


def registerSampleData():
    """Offer the shipped phantoms in the Sample Data module. Nothing is downloaded."""
    import SampleData

    SampleData.SampleDataLogic.registerCustomSampleDataCategory(SAMPLE_CATEGORY, title=_("Breast Mass XAI"))
    for name in ("malignant", "benign"):
        picture = Path(__file__).parent / "Resources" / "SampleData" / f"{name}.png"
        SampleData.SampleDataLogic.registerCustomSampleDataSource(
            category=SAMPLE_CATEGORY,
            sampleName=f"BreastMassXAI {name}",
            uris=picture.as_uri(),
            fileNames=f"breast-mass-{name}.png",
            nodeNames=f"{name} phantom",
            loadFileProperties={"singleFile": True},
            thumbnailFileName=str(picture),
            customDownloader=lambda _source, name=name: addSample(name),
        )


def addSample(name):
    """Load a phantom with its mask and its pixel size, which a PNG cannot say.

    Returns
    -------
    tuple of vtkMRMLScalarVolumeNode and vtkMRMLSegmentationNode
    """
    from BreastMassXAILib.presenter.adding import add_sample

    return add_sample(slicer.mrmlScene, name)


@parameterNodeWrapper
class BreastMassXAIParameterNode:
    """What the panel remembers with the scene. `assumedWidthMm` of 0 means no assumption."""

    frame: vtkMRMLScalarVolumeNode
    segmentation: vtkMRMLSegmentationNode
    massSegmentID: str
    modelName: str
    assumedWidthMm: Annotated[float, WithinRange(0, 200)] = 0.0
    device: Annotated[str, Choice(["auto", "cpu", "cuda"])] = "auto"
    ringMm: Annotated[float, WithinRange(0, 20)] = 5.0
    greyZone: Annotated[float, WithinRange(0, 0.5)] = 0.0
    operatingPoint: Annotated[str, Choice(["balanced", "sensitive", "specific"])] = "balanced"
    method: Annotated[
        str,
        Choice(
            [
                "cam",
                "grad-cam",
                "grad-cam++",
                "layer-cam",
                "hires-cam",
                "score-cam",
                "cameras",
                "occlusion",
                "integrated-gradients",
                "smooth-grad",
            ]
        ),
    ] = "cam"
    counterCheck: bool = False
    showSaliency: bool = True
    showRegions: bool = True
    showExtremes: bool = True
    showLegend: bool = True
    regionOutlines: bool = True
    opacity: Annotated[float, WithinRange(0, 1)] = 0.45
    deadBand: Annotated[float, WithinRange(0, 0.9)] = 0.1
    fixedRange: bool = False
    rangeLogit: Annotated[float, WithinRange(0.1, 100)] = 5.0


class BreastMassXAIWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self.panel = None
        self._parameterNode = None
        self._parameterNodeGuiTag = None
        self._onParametersChanged = None

    def setup(self):
        from BreastMassXAILib.widgets.panel import Panel

        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/BreastMassXAI.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        self.uiWidget = uiWidget
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = BreastMassXAILogic()
        self.panel = Panel(self.ui, slicer.mrmlScene, self.logic.installPackages, self.logic.parserOf)
        self._onParametersChanged = self.panel.slots.guarded(self.onParametersChanged)
        for event, slot in (
            (slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose),
            (slicer.mrmlScene.EndCloseEvent, self.onSceneEndChange),
            (slicer.mrmlScene.EndImportEvent, self.onSceneEndChange),
        ):
            self.addObserver(slicer.mrmlScene, event, self.panel.slots.guarded(slot))
        self.initializeParameterNode()
        if self.parent.isEntered:  # reloaded while it is open: nobody enters it again
            self.enter()

    def cleanup(self):
        self.setParameterNode(None)
        self.removeObservers()
        if self.panel is not None:
            self.panel.close()
            self.panel = None
        self.uiWidget.setMRMLScene(None)  # a reloaded module's old widgets live on hidden: let them hear no more

    def enter(self):
        with self.panel.slots.reported():
            self.initializeParameterNode()
            self.panel.enter()

    def exit(self):
        with self.panel.slots.reported():
            self.panel.leave()
            self.setParameterNode(None)

    def onSceneStartClose(self, caller, event):
        self.setParameterNode(None)
        self.panel.scene_closes()

    def onSceneEndChange(self, caller, event):
        if self.parent.isEntered:
            self.initializeParameterNode()
            self.panel.enter()

    def onReload(self):
        """Reload the library too; the module's file alone would go on with what is in memory."""
        import importlib
        import sys

        for name in [name for name in sys.modules if name.split(".")[0] == "BreastMassXAILib"]:
            del sys.modules[name]
        importlib.invalidate_caches()
        ScriptedLoadableModuleWidget.onReload(self)

    def initializeParameterNode(self):
        self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, parameterNode):
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self._onParametersChanged)
        self._parameterNode = parameterNode
        if parameterNode is not None:
            self._parameterNodeGuiTag = parameterNode.connectGui(self.ui)
            self.addObserver(parameterNode, vtk.vtkCommand.ModifiedEvent, self._onParametersChanged)
        self.panel.set_parameters(parameterNode)

    def onParametersChanged(self, caller=None, event=None):
        if self.panel is not None:
            self.panel.parameters_changed()


class BreastMassXAILogic(ScriptedLoadableModuleLogic):
    """A facade: the parameter node, the packages, and the explanation without a panel."""

    def getParameterNode(self):
        """The scene's parameters; in a new scene what this user chose last."""
        node = super().getParameterNode()
        isNew = not node.HasParameter("ringMm")
        parameters = BreastMassXAIParameterNode(node)
        if isNew:
            from BreastMassXAILib.widgets.preferences import REMEMBERED, recall

            with slicer.util.NodeModify(parameters):
                for name in REMEMBERED:
                    try:
                        setattr(parameters, name, recall(name, getattr(parameters, name)))
                    except ValueError:  # a setting that an older version allowed
                        continue
        return parameters

    def installPackages(self):
        """Install what the network needs, after the user's consent.

        Raises
        ------
        BreastMassXAILib.core.errors.MissingPackageError
            When the PyTorch extension is missing, the user declines or cannot be asked, or an installation fails.
        """
        from subprocess import CalledProcessError

        import slicer.packaging  # of itself Slicer imports it nowhere

        from BreastMassXAILib.core.errors import MissingPackageError
        from BreastMassXAILib.presenter.consent import missing, question
        from BreastMassXAILib.resources import resource

        needs = missing()
        torch = self._torchInstaller() if any("torch" in need.packages for need in needs) else None
        if needs:
            if slicer.app.testingEnabled() or slicer.util.mainWindow() is None:
                if torch is None and not any("safetensors" in need.packages for need in needs):
                    return  # pictures are left out, and say so
                raise MissingPackageError(
                    _("The network needs packages that are not installed yet, and nobody to ask.")
                )
            if not slicer.util.confirmOkCancelDisplay(question(needs), windowTitle=_("Breast Mass XAI")):
                raise MissingPackageError(
                    _("The network needs packages that are not installed yet: press Explain again and allow it.")
                )
        requirements = slicer.packaging.load_requirements(resource("requirements.txt"))
        try:
            if torch is not None and torch.installTorch(askConfirmation=False) is None:
                raise MissingPackageError(_("The network needs PyTorch, which could not be installed."))
            slicer.packaging.pip_ensure(requirements, requester="BreastMassXAI", prompt_install=not needs)
        except RuntimeError as error:  # declined: packages were there, but too old
            raise MissingPackageError(
                _("The network needs newer packages than those installed: press Explain again and allow it.")
            ) from error
        except CalledProcessError as error:
            raise MissingPackageError(
                _("The packages that the network needs could not be installed: Slicer's log says why.")
            ) from error

    def parserOf(self, command):
        """The parser of a command of the command line, which runs it in a process of its own."""
        import argparse
        from importlib import import_module

        parser = argparse.ArgumentParser(prog=command)
        import_module(f"BreastMassXAILib.commands.{command.replace('-', '_')}").add_options(parser)
        return parser

    def _torchInstaller(self):
        from BreastMassXAILib.core.errors import MissingPackageError

        try:
            import PyTorchUtils
        except ModuleNotFoundError:
            raise MissingPackageError(
                _("The network needs the extension PyTorch: install it in the Extensions Manager and restart Slicer.")
            ) from None
        return PyTorchUtils.PyTorchUtilsLogic()

    def explain(self, parameters):
        """Explain the frame and mass of a parameter node and show the explanation in the scene.

        For scripts; the panel does the same in the background.

        Returns
        -------
        BreastMassXAILib.core.result.CaseResult

        Raises
        ------
        BreastMassXAILib.core.errors.BreastMassXAIError
            With one clear sentence.
        """
        from BreastMassXAILib.presenter.inputs import settings_of
        from BreastMassXAILib.presenter.overlay import Looks, show_chosen
        from BreastMassXAILib.presenter.session import Session

        session = Session(slicer.mrmlScene)
        try:
            session.settings = settings_of(parameters)
            session.assumed_width_mm = parameters.assumedWidthMm
            session.set_inputs(parameters.frame, parameters.segmentation, parameters.massSegmentID)
            result = session.explain()
            show_chosen(slicer.mrmlScene, parameters.frame, Looks(), parameters.segmentation)
        finally:
            session.close()
        return result


class BreastMassXAITest(ScriptedLoadableModuleTest):
    """The whole way with the real widget, as a user goes it (BreastMassXAILib.widgets.self_test)."""

    def setUp(self):
        from BreastMassXAILib.widgets.self_test import Settings

        self.settings = Settings()
        slicer.mrmlScene.Clear()

    def tearDown(self):
        slicer.mrmlScene.Clear()
        self.settings.put_back()

    def runTest(self):
        for test in (self.test_outlineWithoutNetwork, self.test_sampleEndToEnd, self.test_tryIt):
            self.setUp()
            try:
                test()
            except unittest.SkipTest as reason:
                self.delayDisplay(f"Skipped: {reason}")
            finally:
                self.tearDown()
        self.delayDisplay("Test passed")

    def test_outlineWithoutNetwork(self):
        self.walk().outline()

    def test_sampleEndToEnd(self):
        from BreastMassXAILib.widgets.self_test import in_folder

        self.skipWithoutNetwork()
        walk = self.walk()
        walk.outline()
        walk.explain()
        walk.edit_and_undo()
        walk.suggest_and_accept()
        in_folder(walk.save_and_restore)
        in_folder(walk.cohort)
        in_folder(walk.save_and_restore)

    def test_tryIt(self):
        self.skipWithoutNetwork()
        self.walk().try_it()

    def walk(self):
        """The panel, opened as a user does or, without a main window, as nearly so as can be."""
        from BreastMassXAILib.widgets.self_test import Walk

        representation = slicer.modules.breastmassxai.widgetRepresentation()
        if slicer.util.mainWindow() is not None:
            slicer.util.selectModule("BreastMassXAI")
        elif not representation.isEntered:
            representation.enter()
        return Walk(self, representation.self())

    def skipWithoutNetwork(self):
        from BreastMassXAILib.widgets.self_test import missing_packages

        if missing_packages():
            self.skipTest(f"the network's packages are not installed: {', '.join(missing_packages())}")
