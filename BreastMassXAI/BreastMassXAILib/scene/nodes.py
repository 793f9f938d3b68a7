"""Small things that all our nodes need: found by role, filled, changed at once, taken away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from vtkmodules.vtkCommonCore import vtkDoubleArray, vtkStringArray
from vtkmodules.vtkCommonDataModel import vtkTable

from .colors import ROLE_ATTRIBUTE


def remove_node(scene, node) -> None:
    """Take a node of ours out of the scene, with its looks and what stores it."""
    if node is None:
        return
    displayable = node.IsA("vtkMRMLDisplayableNode")
    looks = [node.GetNthDisplayNode(i) for i in range(node.GetNumberOfDisplayNodes())] if displayable else []
    looks.sort(key=lambda look: not _is_legend(look))  # a colour bar that outlives what it describes complains
    for each in (*looks, node.GetStorageNode() if node.IsA("vtkMRMLStorableNode") else None, node):
        if each is not None:
            scene.RemoveNode(each)


def _is_legend(node) -> bool:
    return node is not None and node.IsA("vtkMRMLColorLegendDisplayNode")


@contextmanager
def modified_once(*nodes) -> Iterator[None]:
    """Nodes under change: whoever observes the nodes hears of all changes at once."""
    states = [(node, node.StartModify()) for node in nodes]
    try:
        yield
    finally:
        for node, state in states:
            node.EndModify(state)


def with_role(scene, class_name: str, role: str) -> Any:
    """The node of a class that has a role of ours in a scene; None where there is none."""
    for index in range(scene.GetNumberOfNodesByClass(class_name)):
        node = scene.GetNthNodeByClass(index, class_name)
        if node.GetAttribute(ROLE_ATTRIBUTE) == role:
            return node
    return None


def set_table(node, columns: Mapping[str, Sequence[Any]]) -> None:
    """Give a table node its columns by their titles, of words or of numbers as the first cell is, for reading only."""
    table = vtkTable()
    for title, cells in columns.items():
        column = vtkStringArray() if cells and isinstance(cells[0], str) else vtkDoubleArray()
        column.SetName(title)
        for cell in cells:
            column.InsertNextValue(cell)
        table.AddColumn(column)
    node.SetAndObserveTable(table)
    node.SetUseColumnTitleAsColumnHeader(True)
    node.SetLocked(True)
