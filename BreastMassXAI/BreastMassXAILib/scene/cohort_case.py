"""The case of a list that is open: one frame and one segmentation, which every case is shown in."""

from __future__ import annotations

from typing import Any

from ..core.frame import Case
from ..scene.belonging import remove_lines
from ..scene.colors import ROLE_ATTRIBUTE
from ..scene.inputs import add_frame, add_mass, set_frame, set_mass
from .nodes import with_role


def case_nodes(scene, case: Case, name: str) -> tuple[Any, Any]:
    """The frame and the segmentation that show the open case, made once."""
    frame_node, mass_node = (
        with_role(scene, class_name, role)
        for class_name, role in (
            ("vtkMRMLScalarVolumeNode", "cohort frame"),
            ("vtkMRMLSegmentationNode", "cohort mass"),
        )
    )
    if frame_node is None:
        frame_node = add_frame(scene, case.frame, name)
        frame_node.SetAttribute(ROLE_ATTRIBUTE, "cohort frame")
    else:
        remove_lines(frame_node)
        set_frame(frame_node, case.frame)
    if mass_node is None:
        mass_node = add_mass(scene, case.mass, frame_node, f"{name} mass", case.mass_origin)
        mass_node.SetAttribute(ROLE_ATTRIBUTE, "cohort mass")
    else:
        set_mass(mass_node, case.mass, frame_node, case.mass_origin)
    frame_node.SetName(name)
    mass_node.SetName(f"{name} mass")
    return frame_node, mass_node
