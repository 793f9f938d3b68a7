"""Scenes as files, such that the same scene gives the same bytes."""

from __future__ import annotations

import contextlib
import re
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from ..core.errors import OutputError
from ..core.leftovers import full_temporary_folder, temporary_folder
from .companion import RESULT_ATTRIBUTE
from .explanation import FOLDER_ATTRIBUTE

_EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest date that a zip archive can hold
_ITEM_END = "</SubjectHierarchyItem>"
_DATA = ("Storable", "Displayable", "Display", "Storage", "SequenceBrowser", "PlotSeries", "PlotChart")


def write_scene(scene, path: Path, companion=None) -> None:
    """Write a scene as a scene bundle (.mrb), without path or date: the same scene gives the same bytes.

    Parameters
    ----------
    scene : vtkMRMLScene
    path : Path
    companion : vtkMRMLScriptedModuleNode, optional
        Of an explanation (:class:`~.explanation.ExplanationNodes`): then the scene is written without the data that do
        not belong to it, other patients' among them, and without the folders of patients and studies.

    Raises
    ------
    OutputError
        When it cannot be written; nothing half-written is left.
    """
    path = Path(path)
    taken = take_scene(scene, path.stem, companion)
    try:
        taken.write(path)
    finally:
        taken.discard()


class TakenScene:
    """A scene as Slicer wrote it, in a folder of its own; see :func:`take_scene`. For any thread."""

    def __init__(self, bundle: Path, folder: contextlib.ExitStack, of_case: bool) -> None:
        self._bundle = bundle
        self._folder = folder
        self._of_case = of_case

    def write(self, path: Path) -> None:
        """Write it as a scene bundle (.mrb).

        Raises
        ------
        OutputError
            When it cannot be written; nothing half-written is left, and an older file stays.
        """
        part = path.with_name(path.name + ".part")
        try:
            if self._of_case:
                for file in self._bundle.glob("*.mrml"):
                    file.write_text(_without_other_items(file.read_text(encoding="utf-8")), encoding="utf-8")
            _pack(self._bundle, part)
            part.replace(path)
        except OSError as error:
            raise OutputError(f"The scene '{path.name}' could not be written: {error.strerror or error}.") from error
        finally:
            with contextlib.suppress(OSError):
                part.unlink()

    def discard(self) -> None:
        """Remove its folder. To be called at the end, whatever happened."""
        self._folder.close()


def take_scene(scene, name: str, companion=None) -> TakenScene:
    """Take a scene's contents out of it, on the main thread; packing them into a file, which takes longer, needs none.

    Parameters
    ----------
    scene : vtkMRMLScene
    name : str
        Of the file that it becomes, without its suffix.
    companion : vtkMRMLScriptedModuleNode, optional
        See :func:`write_scene`.

    Raises
    ------
    OutputError
        When Slicer cannot save it.
    """
    with contextlib.ExitStack() as stack:
        try:
            bundle = stack.enter_context(temporary_folder()).resolve() / name
            bundle.mkdir()
            with contextlib.nullcontext() if companion is None else _only_case(companion):
                if not scene.SaveSceneToSlicerDataBundleDirectory(str(bundle)):
                    why = full_temporary_folder() or "Slicer's libraries could not write its files"
                    raise OutputError(f"The scene '{name}' could not be written: {why}.")
        except OSError as error:
            why = full_temporary_folder() or error.strerror or str(error)
            raise OutputError(f"The scene '{name}' could not be written: {why}.") from error
        return TakenScene(bundle, stack.pop_all(), companion is not None)


@contextlib.contextmanager
def _only_case(companion) -> Iterator[None]:
    """While this lasts, a scene is saved without the data that do not belong to one frame's explanation.

    Kept are the nodes that the explanation's companion references, and what these reference in turn; left out are all
    other data with their looks and files, and other frames' explanations. What is no data, colour tables for instance,
    is saved as ever, with the file that holds it. No node is said to be modified.
    """
    scene = companion.GetScene()
    nodes = [scene.GetNthNode(index) for index in range(scene.GetNumberOfNodes())]
    kept = _referenced(companion)
    for node in nodes:
        if node.IsA("vtkMRMLStorableNode") and not _is_data(node):
            kept.update(node.GetNthStorageNodeID(index) for index in range(node.GetNumberOfStorageNodes()))
    silenced = [
        (node, node.GetDisableModifiedEvent())
        for node in nodes
        if node.GetID() not in kept and _is_data(node) and node.GetSaveWithScene()
    ]
    try:
        for node, _ in silenced:
            node.SetDisableModifiedEvent(True)
            node.SetSaveWithScene(False)
        yield
    finally:
        for node, state in silenced:
            node.SetSaveWithScene(True)
            node.SetDisableModifiedEvent(state)


def _is_data(node: Any) -> bool:
    if node.IsA("vtkMRMLScriptedModuleNode"):
        return node.GetAttribute(RESULT_ATTRIBUTE) is not None
    if node.IsA("vtkMRMLColorNode") or node.IsA("vtkMRMLSubjectHierarchyNode") or node.GetSingletonTag():
        return False
    return any(node.IsA(f"vtkMRML{kind}Node") for kind in _DATA)


def _referenced(node: Any) -> set[str]:
    """IDs of a node and of all nodes that can be reached from it by reference."""
    found, waiting = set(), [node]
    while waiting:
        node = waiting.pop()
        if node.GetID() in found:
            continue
        found.add(node.GetID())
        roles = [node.GetNthNodeReferenceRole(index) for index in range(node.GetNumberOfNodeReferenceRoles())]
        for role in roles:
            for index in range(node.GetNumberOfNodeReferences(role)):
                other = node.GetNthNodeReference(role, index)
                if other is not None:
                    waiting.append(other)
    return found


def _without_other_items(mrml: str) -> str:
    """The data tree without items of data that are not in the file, and without folders that are not ours.

    What is left in such a folder moves to the next one above it.
    """
    text = _well_formed(mrml)
    first, last = text.find("<SubjectHierarchyItem "), text.rfind(_ITEM_END)
    if first < 0 or last < 0:
        return text
    root = ElementTree.fromstring(text[first : last + len(_ITEM_END)])

    def kept(item: ElementTree.Element) -> list[ElementTree.Element]:
        children = [child for inner in item for child in kept(inner)]
        ours = FOLDER_ATTRIBUTE in item.get("attributes", "") and children
        if item is root or item.get("dataNode") or ours:
            item[:] = children
            for child in children:
                child.set("parent", item.get("id", ""))
            return [item]
        return children

    kept(root)
    tree = ElementTree.tostring(root, encoding="unicode", short_empty_elements=False)
    return text[:first] + tree + text[last + len(_ITEM_END) :]


def _pack(bundle: Path, path: Path) -> None:
    """Pack a bundle's folder into a file; the bundles in it, which hold sequences, are packed again alike."""
    for nested in sorted(bundle.rglob("*.mrb")):
        with temporary_folder() as folder:
            with zipfile.ZipFile(nested) as archive:
                archive.extractall(folder)
            (inner,) = folder.iterdir()
            _pack(inner, nested)
    for file in bundle.glob("*.mrml"):
        text = _well_formed(_renumber_items(file.read_text(encoding="utf-8")))
        # What saves a sequence has a name that counts the savings of this process.
        file.write_text(re.sub(r' name="Sequence_\d+"', ' name="Sequence"', text), encoding="utf-8")
    _zip(bundle, path)


def _renumber_items(mrml: str) -> str:
    """Number the data tree's items through the file, as Slicer's numbers run on through the process."""
    numbers = {"0": 0}  # the root's parent

    def number(match: re.Match[str]) -> str:
        return f' {match[1]}="{numbers.setdefault(match[2], len(numbers))}"'

    return re.sub("<SubjectHierarchyItem [^>]*>", lambda tag: re.sub(r' (id|parent)="(\d+)"', number, tag[0]), mrml)


def _well_formed(mrml: str) -> str:
    """Slicer escapes node names, but leaves a bare ampersand in the file names that it makes of them."""
    return re.sub(r"&(?!(?:amp|lt|gt|quot|apos|#x?[0-9a-fA-F]+);)", "&amp;", mrml)


def _zip(folder: Path, path: Path) -> None:
    """Pack a folder, itself included; the order and the date of its files do not depend on the disk."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(file for file in folder.rglob("*") if file.is_file()):
            entry = zipfile.ZipInfo(file.relative_to(folder.parent).as_posix(), _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, file.read_bytes())
