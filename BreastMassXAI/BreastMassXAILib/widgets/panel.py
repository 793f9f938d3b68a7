"""The panel: its sections, the session that they show, and the worker that runs the network."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import slicer
from slicer.i18n import tr as _

from ..presenter.adding import MASS_SEGMENT, add_sample
from ..presenter.inputs import settings_of
from ..presenter.models import Model
from ..presenter.session import Session
from ..presenter.showing import Wanted
from ..presenter.status import State
from ..presenter.worker import Worker
from ..scene.legend import remove_legends
from .cohort_section import CohortSection
from .descriptors_section import DescriptorsSection
from .explain_section import ExplainSection
from .export_section import ExportSection
from .image_section import ImageSection
from .loop_section import LoopSection
from .mass_section import MassSection
from .overlay_section import OverlaySection
from .preferences import REMEMBERED, forget, remember
from .process_section import ProcessSection
from .result_sections import DecisionSection, PointingSection
from .sections import Sections
from .shortcuts import Shortcuts, show_keys
from .slots import Slots
from .suggest_section import SuggestSection
from .views import Views
from .window import main_window

_DEBOUNCE_MS = 100
_POLL_MS = 5
_YIELD_S = 0.02
"""While Qt waits for events Slicer's Python holds its global lock, and no other thread gets on. So each poll of the
worker first lets go of it this long; the window still answers some forty times a second."""


class Panel:
    """Parameters
    ----------
    ui : object
        The widgets of the .ui file as attributes.
    scene : vtkMRMLScene
    install_packages : callable
        Asks and installs what the network needs; raises MissingPackageError when it cannot run then.
    parser_of : callable
        The parser of a command of the command line, by the command's name.
    """

    def __init__(
        self,
        ui,
        scene,
        install_packages: Callable[[], None],
        parser_of: Callable[[str], argparse.ArgumentParser],
    ) -> None:
        self.ui = ui
        self.scene = scene
        self.slots = Slots(self.tell)
        self.parameters: Any = None
        self.session = Session(scene)
        self.worker = Worker()
        self.views = Views(scene, self.slots)
        self.install_packages = install_packages
        self._said: tuple[str, str] | None = None
        self._arranged = False
        self._remembered: dict[str, object] = {}
        self._refresh_timer = self.slots.timer(_DEBOUNCE_MS, self._refresh, single=True)
        self._poll_timer = self.slots.timer(_POLL_MS, self._poll)
        self.image = ImageSection(self)
        self.mass = MassSection(self)
        self.suggesting = SuggestSection(self)
        self.explaining = ExplainSection(self)
        self.loop = LoopSection(self)
        self.decision = DecisionSection(self)
        self.pointing = PointingSection(self)
        self.descriptors = DescriptorsSection(self)
        self.overlay = OverlaySection(self)
        self.cohort = CohortSection(self)
        self.process = ProcessSection(self, parser_of)
        self.export = ExportSection(self)
        self.sections = Sections(self)
        actions = {
            "explain": self.explain,
            "overlay": self.overlay.toggle_saliency,
            "regions": self.overlay.toggle_regions,
            "next": self.cohort.next,
            "previous": self.cohort.previous,
            "save": self.export.save,
        }
        self._shortcuts = Shortcuts(actions, self.slots)
        self.explaining.list_models()
        show_keys(ui, actions, self.slots)
        self.slots.connect(ui.tryItButton, "clicked()", self.try_it)
        self.slots.connect(ui.sampleButton, "clicked()", self.try_it)
        self.slots.connect(ui.installButton, "clicked()", self._install)
        self.slots.connect(ui.restoreDefaultsButton, "clicked()", self._restore_defaults)
        self.session.on_change(self.slots.guarded(self.redraw))

    # The panel's life

    def close(self) -> None:
        """Take everything apart; nothing here reacts to anything any more."""
        self.set_parameters(None)
        self._refresh_timer.stop()
        self._poll_timer.stop()
        self.leave()
        self.loop.close()
        self.session.close()
        self.worker.stop()
        self.process.close()
        self.views.close()
        self.sections.close()
        self.mass.close()
        self.decision.close()
        self.pointing.close()

    def enter(self) -> None:
        self._shortcuts.install()
        self.views.enter()
        self.mass.enter()
        self.redraw()

    def leave(self) -> None:
        self._shortcuts.remove()
        self.views.leave()
        self.suggesting.stop()
        self.mass.leave()

    def scene_closes(self) -> None:
        self.cohort.forget()
        self.worker.cancel()
        self.suggesting.stop()
        self.set_parameters(None)
        self.session.set_inputs(None)
        self.mass.scene_closes()
        self.image.forget_line()
        self.views.forget()
        remove_legends(self.scene)

    # Parameters

    def set_parameters(self, parameters) -> None:
        """Follow a parameter node; None for none."""
        self.parameters = parameters
        if parameters is not None:
            self.explaining.choose(parameters.modelName)
            self.parameters_changed()

    def parameters_changed(self) -> None:
        """Hand to the session what the user changed, and show it."""
        parameters = self.parameters
        if parameters is None:
            return
        session = self.session
        self._fit_mass_to_frame()
        inputs = (parameters.frame, parameters.segmentation, parameters.massSegmentID)
        if inputs != session.inputs:
            self._said = None
            session.set_inputs(*inputs)
        settings = settings_of(parameters)
        if settings != session.settings:
            session.settings = settings
        if parameters.assumedWidthMm != session.assumed_width_mm:
            session.assumed_width_mm = parameters.assumedWidthMm
        saliency_range = parameters.rangeLogit if parameters.fixedRange else None
        if saliency_range != session.saliency_range:
            session.saliency_range = saliency_range
        if self.explaining.model is not None:
            session.model = replace(self.explaining.model, device=parameters.device)
        self._remember()
        self.mass.follow()
        self.redraw()

    def choose(self, *, segmentation, segment: str, frame=None) -> None:
        """Make nodes the inputs, in one step. A frame that is named here comes with the mass that is named with it."""
        parameters = self.parameters
        if frame is not None:
            self.session.set_inputs(frame, segmentation, segment)
        with slicer.util.NodeModify(parameters):
            if frame is not None:
                parameters.frame = frame
            parameters.segmentation = segmentation
            parameters.massSegmentID = segment

    def choose_model(self, model: Model | None) -> None:
        if self.parameters is not None and model is not None:
            self.parameters.modelName = model.name
            self.parameters_changed()  # another model may have the same name

    def adopt_inputs(self) -> None:
        """Make the session's inputs the parameters', after a case was opened."""
        frame, segmentation, segment = self.session.inputs
        self.choose(frame=frame, segmentation=segmentation, segment=segment)

    def _fit_mass_to_frame(self) -> None:
        """A frame that is chosen alone brings its own mass."""
        parameters, session = self.parameters, self.session
        node, segment = session.mass_for(parameters.frame, parameters.segmentation, parameters.massSegmentID)
        if node is not parameters.segmentation:
            self.choose(segmentation=node, segment=segment)

    def _remember(self) -> None:
        for name in REMEMBERED:
            value = getattr(self.parameters, name)
            if self._remembered.get(name) != value:
                self._remembered[name] = value
                remember(name, value)

    def _restore_defaults(self) -> None:
        forget(REMEMBERED)
        with slicer.util.NodeModify(self.parameters):
            for name in REMEMBERED:
                setattr(self.parameters, name, self.parameters.default(name).value)

    # Work

    def try_it(self) -> None:
        """From an empty scene to an explained case."""
        frame, segmentation = add_sample(self.scene, "malignant")
        self.choose(frame=frame, segmentation=segmentation, segment=MASS_SEGMENT)
        self.explain()

    def explain(self) -> None:
        """Start the network on the present inputs."""
        if self.worker.busy:
            return
        self._said = None
        self._refresh()
        try:
            if self.session.can_explain:
                self.install_packages()
                self.session.start(self.worker)
                self.work()
        finally:
            self.redraw()

    def _install(self) -> None:
        self.install_packages()
        self.tell(_("Everything that the network needs is installed."))

    def cancel(self) -> None:
        self.worker.cancel()

    def work(self) -> None:
        """The worker got something to do: look after it."""
        self._poll_timer.start()
        self.explaining.draw()
        self.loop.draw()

    def _poll(self) -> None:
        time.sleep(_YIELD_S)
        if not self.worker.poll():
            self._poll_timer.stop()
            self.loop.draw()
            if self.session.nodes is not None and not self._arranged:  # once; then the layout is the user's own affair
                self.arrange()
        self.explaining.draw()

    def _refresh(self) -> None:
        self._refresh_timer.stop()
        self.session.refresh()

    # Drawing

    def redraw(self) -> None:
        """Show what the session says; cheap."""
        session = self.session
        if session.due and not self._refresh_timer.isActive():
            self._refresh_timer.start()
        if session.status.state is State.UPDATING:
            return  # in a moment there is news; until then what is shown is what was
        for section in (
            self.image,
            self.mass,
            self.suggesting,
            self.explaining,
            self.loop,
            self.decision,
            self.pointing,
            self.descriptors,
            self.overlay,
            self.export,
            self.sections,
        ):
            section.draw()
        self.show_looks()

    def show_looks(self) -> None:
        """Show the chosen frame and what belongs to it in the views, with the chosen looks."""
        if self.parameters is None:
            return
        session = self.session
        frame, mass, _segment = session.inputs
        self.views.show(Wanted(frame, mass, self.overlay.looks, session.note))

    def arrange(self) -> None:
        """Frame and overlay side by side."""
        self._arranged = True
        self.views.arrange()
        self.show_looks()

    def arrange_loop(self, chart) -> None:
        """Frame and overlay side by side, and the plot of the loop's probabilities."""
        self._arranged = True
        self.views.show_loop(chart)
        self.show_looks()

    def open_page(self, name: str) -> None:
        """Follow a link of the page that an empty scene shows."""
        if main_window() is None:
            return
        if name == "data":
            slicer.util.openAddDataDialog()
        elif name == "dicom":
            slicer.util.selectModule("DICOM")

    # Messages

    @property
    def message(self) -> str:
        """The sentence below the Explain button; none where the result or the banner over it says it."""
        if self._said:
            return self._said[0]
        status = self.session.status
        said = self.session.result is not None and status.state in (State.STALE, State.CURRENT)
        return "" if said else status.sentence

    @property
    def details(self) -> str:
        return self._said[1] if self._said else self.session.status.details

    def tell(self, sentence: str, details: str = "") -> None:
        """Say something that the session does not know; empty to say what it knows."""
        self._said = (sentence, details) if sentence else None
        self.explaining.draw()

    def show_details(self) -> None:
        slicer.util.errorDisplay(self.message, windowTitle=_("Breast Mass XAI"), detailedText=self.details)
