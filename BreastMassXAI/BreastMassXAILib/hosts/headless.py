"""A Slicer without a desktop: slicer-core's MRML libraries with trame-slicer's ready application core.

Saves a case with its explanation as a scene bundle that desktop Slicer opens, and renders slice views offscreen.
"""

from __future__ import annotations

import weakref
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..core.errors import InputError, MissingPackageError
from ..core.explain import Explanation
from ..core.frame import Case, MaskOrigin
from ..core.leftovers import removed, uninterrupted
from ..readers.files import quiet

if TYPE_CHECKING:
    from ..core.cine_result import CineResult, ExplainedFrame
    from ..scene.cine import CineNodes
    from ..scene.explanation import ExplanationNodes


class HeadlessSlicer:
    """An empty MRML scene with the logics that belong to it.

    What VTK has to say goes to :attr:`messages` and not to the terminal, for the whole process.

    Raises
    ------
    MissingPackageError
        When slicer-core and trame-slicer are not installed.
    """

    def __init__(self) -> None:
        try:
            from trame_slicer.core import SlicerApp
        except ModuleNotFoundError as error:
            raise MissingPackageError(
                "Scenes need Slicer's libraries, which are not installed here: pip install 'breast-mass-xai[app]'."
            ) from error
        except ImportError as error:
            reason = " ".join(str(error).split())
            raise MissingPackageError(
                f"Scenes need Slicer's libraries, which are installed but cannot be loaded here: {reason}."
            ) from error
        from vtkmodules.vtkCommonCore import vtkLogger, vtkOutputWindow, vtkStringOutputWindow

        from ..scene.explanation import register_node_classes

        with uninterrupted():
            self._app = SlicerApp()
            cache = removed(Path(self._app.io_manager.cache_dir.name))  # which only the end of Python would remove
            cache.__enter__()
        weakref.finalize(self, cache.__exit__, None, None, None)
        self._messages = vtkStringOutputWindow()
        vtkOutputWindow.SetInstance(self._messages)
        vtkLogger.SetStderrVerbosity(vtkLogger.VERBOSITY_OFF)
        register_node_classes(self.scene)
        self._sequences = _sequences_logic(self.scene)
        self._view: Any = None
        self._leave_out_of_files(known=set())

    @property
    def scene(self) -> Any:
        """The vtkMRMLScene."""
        return self._app.scene

    @property
    def messages(self) -> str:
        """VTK's warnings and errors so far."""
        return self._messages.GetOutput()

    def add(
        self, case: Case, explanation: Explanation, name: str, saliency_range: float | None = None
    ) -> ExplanationNodes:
        """Add a case with its explanation, shown in the scene's red slice view.

        Parameters
        ----------
        case : Case
        explanation : Explanation
        name : str
            Of the frame; the other nodes' names begin with it.
        saliency_range : float, optional
            See :func:`~..scene.explanation.show_explanation`.
        """
        from ..scene.explanation import show_explanation
        from ..scene.inputs import add_frame, add_mass
        from ..scene.views import show_in_slice_view

        frame_node = add_frame(self.scene, case.frame, name)
        mass_node = add_mass(self.scene, case.mass, frame_node, f"{name} mass", case.mass_origin)
        nodes = show_explanation(self.scene, frame_node, explanation, saliency_range, mass_node)
        show_in_slice_view(self.scene, nodes)
        _show_red_view_alone(self.scene)
        return nodes

    def add_cine(self, frames: Iterable[ExplainedFrame], result: CineResult, name: str) -> CineNodes:
        """Add frames of a loop with their explanations; the red slice view shows the strongest of them.

        Parameters
        ----------
        frames : iterable of ExplainedFrame
            In order; all of the loop's or some. Their frames are forgotten one by one.
        result : CineResult
            Of the whole loop.
        name : str
            Of the node that shows the frames.
        """
        from ..scene.cine import show_cine_explanation
        from ..scene.loops import add_cine, add_masses, append_frame
        from ..scene.views import show_in_slice_view

        timed = all(entry.time_s is not None for entry in result.frames)
        browser = add_cine(self.scene, name, timed)
        indices, explanations = [], []
        masses: list[np.ndarray] = []
        origins: dict[int, MaskOrigin] = {}
        for frame in frames:
            entry = frame.entry
            append_frame(browser, frame.case.frame, entry.index + 1 if entry.time_s is None else entry.time_s)
            indices.append(entry.index)
            origins[len(masses)] = frame.case.mass_origin
            masses.append(frame.case.mass)
            explanations.append(frame.explanation)
        mass_node = add_masses(browser, enumerate(masses), f"{name} mass", origins)
        nodes = show_cine_explanation(browser, enumerate(explanations), result, mass_segmentation=mass_node)
        browser.SetSelectedItemNumber(indices.index(result.strongest) if result.strongest in indices else 0)
        show_in_slice_view(self.scene, nodes.explanation)
        _show_red_view_alone(self.scene)
        return nodes

    def save(self, path: Path) -> None:
        """Write the scene as a scene bundle (.mrb), without path or date: the same scene gives the same bytes.

        Raises
        ------
        OutputError
            When it cannot be written; nothing half-written is left.
        """
        from ..scene.files import write_scene

        with quiet():  # of a full disk the libraries talk at length
            write_scene(self.scene, path)

    def load(self, path: Path) -> None:
        """Replace the scene's contents by those of a scene bundle (.mrb).

        Raises
        ------
        InputError
            When there is no such file or it is no scene bundle.
        """
        path = Path(path)
        if not path.is_file():
            raise InputError(f"There is no scene '{path.name}'.")
        if not zipfile.is_zipfile(path) or not self.scene.ReadFromMRB(str(path.resolve()), True):
            raise InputError(f"The file '{path.name}' is not a scene bundle that can be opened.")

    def snapshot(self, nodes: ExplanationNodes, path: Path, size: tuple[int, int] = (800, 700)) -> None:
        """Render a slice view of an explanation offscreen, as desktop Slicer would show it, to a PNG.

        Parameters
        ----------
        nodes : ExplanationNodes
        path : Path
        size : (width, height) in pixels
        """
        from vtkmodules.vtkIOImage import vtkPNGWriter
        from vtkmodules.vtkRenderingCore import vtkWindowToImageFilter

        from ..scene.views import introduce_legend, show_in_slice_view

        view = self._slice_view()
        show_in_slice_view(self.scene, nodes, layout_name=view.get_singleton_tag())
        introduce_legend(self._app.app_logic.GetSliceLogic(view.get_view_node()).GetSliceCompositeNode())
        view.render_window().SetSize(*size)
        view.update_size(*size)
        view.fit_view_to_content()
        view.render()
        picture = vtkWindowToImageFilter()
        picture.SetInput(view.render_window())
        picture.ReadFrontBufferOff()
        writer = vtkPNGWriter()
        writer.SetFileName(str(path))
        writer.SetInputConnection(picture.GetOutputPort())
        writer.Write()

    def _slice_view(self) -> Any:
        """A view of its own: a new view does not take over a slice node of its name that is in the scene already."""
        if self._view is None:
            from trame_slicer.views import DirectViewFactory, ViewLayoutDefinition

            known = {node.GetID() for node in self._nodes()}
            self._app.view_manager.register_factory(DirectViewFactory(do_render_offscreen=True))
            self._view = self._app.view_manager.create_view(ViewLayoutDefinition.axial_view("Snapshot"))
            self._leave_out_of_files(known)
        return self._view

    def _nodes(self) -> list[Any]:
        return [self.scene.GetNthNode(index) for index in range(self.scene.GetNumberOfNodes())]

    def _leave_out_of_files(self, known: set[str]) -> None:
        """The application's own singletons (crosshair, tools, our view) say nothing of the case; one has an address."""
        for node in self._nodes():
            if node.GetSingletonTag() and node.GetID() not in known:
                node.SetSaveWithScene(False)


def save_scene(case: Case, explanation: Explanation, path: Path, name: str) -> None:
    """Save a case with its explanation as a scene bundle (.mrb).

    Parameters
    ----------
    case : Case
    explanation : Explanation
    path : Path
        Where; an existing file is replaced.
    name : str
        Of the frame's node.

    Raises
    ------
    MissingPackageError
        When slicer-core and trame-slicer are not installed.
    OutputError
        When it cannot be written.
    """
    headless = HeadlessSlicer()
    headless.add(case, explanation, name)
    headless.save(path)


def _sequences_logic(scene: Any) -> Any:
    """Keeps proxies up to date with their sequences; in desktop Slicer the Sequences module does."""
    from slicer import vtkSlicerSequencesLogic

    logic = vtkSlicerSequencesLogic()
    logic.SetMRMLScene(scene)
    return logic


def _show_red_view_alone(scene: Any) -> None:
    """Desktop Slicer would otherwise open the scene with three empty views beside the one that shows it."""
    from slicer import vtkMRMLLayoutNode

    layout = vtkMRMLLayoutNode()
    layout.SetSingletonTag("vtkMRMLLayoutNode")
    layout.AddLayoutDescription(layout.SlicerLayoutOneUpRedSliceView, "<layout/>")  # not saved; Slicer has its own
    layout.SetViewArrangement(layout.SlicerLayoutOneUpRedSliceView)
    scene.AddNode(layout)
