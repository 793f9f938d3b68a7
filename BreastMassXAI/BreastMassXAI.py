"""The Slicer module: choose a frame and the segment of its mass, press Explain, see why.

Thin on purpose: what can run without Qt lives in ``BreastMassXAILib``. Only here is Slicer's camelCase.
"""

from __future__ import annotations

from typing import Annotated

import slicer
import vtk
from slicer import vtkMRMLScalarVolumeNode, vtkMRMLSegmentationNode
from slicer.i18n import tr as _
from slicer.i18n import translate
from slicer.parameterNodeWrapper import WithinRange, parameterNodeWrapper
from slicer.ScriptedLoadableModule import (
    ScriptedLoadableModule,
    ScriptedLoadableModuleLogic,
    ScriptedLoadableModuleTest,
    ScriptedLoadableModuleWidget,
)
from slicer.util import VTKObservationMixin


class BreastMassXAI(ScriptedLoadableModule):
    def __init__(self, parent):
        ScriptedLoadableModule.__init__(self, parent)
        self.parent.title = _("Breast Mass XAI")
        self.parent.categories = [translate("qSlicerAbstractCoreModule", "Ultrasound")]
        self.parent.dependencies = []
        self.parent.contributors = ["The BreastMassXAI developers"]
        self.parent.helpText = _(
            "Shows why a network called a breast mass on ultrasound malignant or benign: the signed class activation "
            "map over the frame, the mass, its peritumoral ring and the tissue below it, and how much each contributed "
            "to the decision. Research use only."
        )
        self.parent.acknowledgementText = _(
            "Method: Byra et al., Explaining a deep learning based breast ultrasound image classifier with saliency "
            "maps, J Ultrason 2022; 22: e70-e75. Training data: BUS-BRA, Gomez-Flores et al., Med Phys 2024; 51: "
            "3110-3123."
        )


@parameterNodeWrapper
class BreastMassXAIParameterNode:
    """What the panel remembers with the scene. `assumedWidthMm` of 0 means no assumption."""

    frame: vtkMRMLScalarVolumeNode
    segmentation: vtkMRMLSegmentationNode
    massSegmentID: str
    ringMm: Annotated[float, WithinRange(0, 20)] = 5.0
    assumedWidthMm: Annotated[float, WithinRange(0, 200)] = 0.0


class BreastMassXAIWidget(ScriptedLoadableModuleWidget, VTKObservationMixin):
    def __init__(self, parent=None):
        ScriptedLoadableModuleWidget.__init__(self, parent)
        VTKObservationMixin.__init__(self)
        self.logic = None
        self._parameterNode = None
        self._parameterNodeGuiTag = None

    def setup(self):
        ScriptedLoadableModuleWidget.setup(self)
        uiWidget = slicer.util.loadUI(self.resourcePath("UI/BreastMassXAI.ui"))
        self.layout.addWidget(uiWidget)
        self.ui = slicer.util.childWidgetVariables(uiWidget)
        uiWidget.setMRMLScene(slicer.mrmlScene)
        self.logic = BreastMassXAILogic()
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self.onSceneStartClose)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self.onSceneEndClose)
        self.ui.massSelector.connect("currentNodeChanged(vtkMRMLNode*)", self.onMassChanged)
        self.ui.massSelector.connect("currentSegmentChanged(QString)", self.onMassChanged)
        self.ui.explainButton.connect("clicked(bool)", self.onExplainButton)
        self.initializeParameterNode()

    def cleanup(self):
        self.removeObservers()

    def enter(self):
        self.initializeParameterNode()

    def exit(self):
        self.setParameterNode(None)

    def onSceneStartClose(self, caller, event):
        self.setParameterNode(None)

    def onSceneEndClose(self, caller, event):
        if self.parent.isEntered:
            self.initializeParameterNode()

    def initializeParameterNode(self):
        self.setParameterNode(self.logic.getParameterNode())

    def setParameterNode(self, parameterNode):
        if self._parameterNode is not None:
            self._parameterNode.disconnectGui(self._parameterNodeGuiTag)
            self.removeObserver(self._parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersChanged)
        self._parameterNode = parameterNode
        if parameterNode is not None:
            self._parameterNodeGuiTag = parameterNode.connectGui(self.ui)
            # The segment selector has no connector in Slicer 5.12, so it is kept in step by hand.
            self.ui.massSelector.setCurrentNode(parameterNode.segmentation)
            self.ui.massSelector.setCurrentSegmentID(parameterNode.massSegmentID)
            self.addObserver(parameterNode, vtk.vtkCommand.ModifiedEvent, self.onParametersChanged)
            self.onParametersChanged()

    def onMassChanged(self, *_arguments):
        if self._parameterNode is not None:
            self._parameterNode.segmentation = self.ui.massSelector.currentNode()
            self._parameterNode.massSegmentID = self.ui.massSelector.currentSegmentID()

    def onParametersChanged(self, caller=None, event=None):
        parameters = self._parameterNode
        self.ui.explainButton.enabled = bool(
            parameters and parameters.frame and parameters.segmentation and parameters.massSegmentID
        )

    def onExplainButton(self):
        from BreastMassXAILib.core.errors import BreastMassXAIError
        from BreastMassXAILib.core.words import in_words

        try:
            self.logic.installPackages()
            with slicer.util.tryWithErrorDisplay(_("The frame could not be explained."), waitCursor=True):
                try:
                    self.ui.resultLabel.text = in_words(self.logic.explain(self._parameterNode))
                except BreastMassXAIError as error:
                    self.ui.resultLabel.text = str(error)
        except RuntimeError as error:  # the user declined an installation
            self.ui.resultLabel.text = str(error)


class BreastMassXAILogic(ScriptedLoadableModuleLogic):
    """A facade: MRML nodes in, ``scene`` and ``pipeline`` do the work, MRML nodes out."""

    def __init__(self):
        ScriptedLoadableModuleLogic.__init__(self)
        self._bundle = None

    def getParameterNode(self):
        return BreastMassXAIParameterNode(super().getParameterNode())

    def installPackages(self):
        """Install what the network needs, after the user's consent.

        Raises
        ------
        RuntimeError
            When the PyTorch extension is missing or the user declines.
        """
        try:
            import PyTorchUtils
        except ModuleNotFoundError:
            raise RuntimeError(
                _("The network needs the extension PyTorch: install it in the Extensions Manager and restart Slicer.")
            ) from None
        torchLogic = PyTorchUtils.PyTorchUtilsLogic()
        if not torchLogic.torchInstalled() and torchLogic.installTorch(askConfirmation=True) is None:
            raise RuntimeError(_("The network needs PyTorch, which is not installed yet."))
        from BreastMassXAILib.resources import resource

        requirements = slicer.packaging.load_requirements(resource("requirements.txt"))
        slicer.packaging.pip_ensure(requirements, requester="BreastMassXAI")

    def explain(self, parameters):
        """Explain the frame and mass of a parameter node and show the explanation in the scene.

        Returns
        -------
        BreastMassXAILib.core.result.CaseResult

        Raises
        ------
        BreastMassXAILib.core.errors.BreastMassXAIError
            With one clear sentence.
        """
        from BreastMassXAILib.core.beams import with_beams
        from BreastMassXAILib.core.frame import Case
        from BreastMassXAILib.core.result import Settings
        from BreastMassXAILib.core.scan_area import with_scan_area
        from BreastMassXAILib.network.bundle import load_bundle
        from BreastMassXAILib.pipeline import analyze
        from BreastMassXAILib.scene.explanation import show_explanation
        from BreastMassXAILib.scene.inputs import frame_of, mass_of
        from BreastMassXAILib.scene.views import show_in_slice_view

        frame = frame_of(parameters.frame)
        if not frame.spacing.known and parameters.assumedWidthMm > 0:
            frame = frame.with_assumed_width(parameters.assumedWidthMm)
        mass = mass_of(parameters.segmentation, parameters.massSegmentID, parameters.frame)
        case = Case(with_beams(with_scan_area(frame, mass), "auto"), mass)  # as the command line does by default
        if self._bundle is None:
            self._bundle = load_bundle()
        explanation = analyze(case, self._bundle, Settings(ring_mm=parameters.ringMm))
        with slicer.util.RenderBlocker():
            nodes = show_explanation(
                slicer.mrmlScene, parameters.frame, explanation, mass_segmentation=parameters.segmentation
            )
            show_in_slice_view(slicer.mrmlScene, nodes)
        return explanation.result


class BreastMassXAITest(ScriptedLoadableModuleTest):
    """The shipped sample, from an empty scene to its explanation."""

    def setUp(self):
        slicer.mrmlScene.Clear()

    def runTest(self):
        self.setUp()
        self.test_explainSample()

    def test_explainSample(self):
        try:
            import safetensors  # noqa: F401
            import torch  # noqa: F401
        except ModuleNotFoundError as error:
            self.delayDisplay(f"Skipped: {error.name} is not installed.")
            return
        from pathlib import Path

        from BreastMassXAILib.readers.frames import read_frame
        from BreastMassXAILib.readers.masks import read_mask
        from BreastMassXAILib.resources import resource
        from BreastMassXAILib.scene.inputs import add_frame, add_mass

        folder = Path(resource("SampleData"))
        frame = read_frame(folder / "malignant.dcm")
        frameNode = add_frame(slicer.mrmlScene, frame, "sample")
        mass, _source = read_mask(folder / "malignant_mask.png", frame.shape)
        massNode = add_mass(slicer.mrmlScene, mass, frameNode, "sample mass")

        logic = BreastMassXAILogic()
        parameters = logic.getParameterNode()
        parameters.frame, parameters.segmentation, parameters.massSegmentID = frameNode, massNode, "mass"
        result = logic.explain(parameters)
        self.assertAlmostEqual(sum(result.contributions.values()) + result.bias, result.logit, places=4)
        for name in ("saliency", "regions", "extremes", "pointing game"):
            self.assertIsNotNone(slicer.util.getFirstNodeByName(f"sample {name}"), name)
        count = slicer.mrmlScene.GetNumberOfNodes()
        logic.explain(parameters)
        self.assertEqual(slicer.mrmlScene.GetNumberOfNodes(), count, "a second run must not add nodes")
        self.delayDisplay("Test passed")
