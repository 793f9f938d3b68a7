"""What Slicer's build ships is what the repository holds."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "BreastMassXAI"


def cmake_list(name):
    text = (MODULE / "CMakeLists.txt").read_text()
    return set(
        re.search(rf"set\({name}\s+(.*?)\)", text, re.DOTALL)
        .group(1)
        .replace("${MODULE_NAME}", "BreastMassXAI")
        .split()
    )


def test_every_library_file_is_shipped():
    """A file that is not listed is missing from the installed extension, and only there."""
    files = {path.relative_to(MODULE).as_posix() for path in MODULE.rglob("*.py")}
    assert cmake_list("MODULE_PYTHON_SCRIPTS") == files


def test_every_resource_is_shipped():
    files = {path.relative_to(MODULE).as_posix() for path in (MODULE / "Resources").rglob("*") if path.is_file()}
    assert cmake_list("MODULE_PYTHON_RESOURCES") == files


def test_extension_metadata_is_what_the_extensions_index_checks():
    text = (ROOT / "CMakeLists.txt").read_text()
    assert "project(BreastMassXAI)" in text
    for name in ("HOMEPAGE", "CATEGORY", "CONTRIBUTORS", "DESCRIPTION", "ICONURL", "SCREENSHOTURLS", "DEPENDS"):
        assert re.search(rf'^set\(EXTENSION_{name} "[^"\n]+"\)', text, re.MULTILINE), name
    assert (ROOT / "LICENSE.txt").read_text().lstrip().startswith("Apache License")


FLOORS = (
    ("core",),
    ("phantom", "readers", "resources"),
    ("cohorts", "writers"),
    ("network",),
    ("methods",),
    ("pipeline",),
    ("scene",),
    ("presenter",),
    ("widgets", "hosts"),
    ("analyses",),
    ("api", "commands"),
)
"""The rooms from the ground up; a new room needs a floor here. No room imports one beside it or above it."""
RULE = "one way of dependence, downwards only: " + " <- ".join(", ".join(floor) for floor in FLOORS)


def imports(path, source, everywhere=False):
    """Modules that a file of the library imports, relative ones as full paths.

    At the file's own scope, which is what Python runs when the file is imported; or `everywhere`, in functions and for
    type checkers too.
    """
    found = set()
    package = path.parent.parts
    tree = ast.parse(source)
    for node in ast.walk(tree) if everywhere else tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join((*base, *(node.module or "").split("."))).rstrip(".")
            found |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
    return found


def room_of(path):
    """The room in which a file of the library stands; "" for the module itself and the library's face."""
    inside = path.with_suffix("").parts[1:]
    return inside[0] if inside and not inside[0].startswith("__") else ""


def wrong_ways(path, source):
    """A sentence for each import that breaks the rule of the house; `path` is relative to the module's folder."""
    heights = {name: height for height, floor in enumerate(FLOORS) for name in floor}
    own = room_of(path)
    if not own:
        return []
    if own not in heights:
        return [f"{path.as_posix()}: the room {own} has no floor in FLOORS"]
    others = {
        name.split(".")[1]
        for name in imports(path, source, everywhere=True)
        if name.startswith("BreastMassXAILib.") and name.split(".")[1] in heights
    }
    return [
        f"{path.as_posix()} must not import {other}: {RULE}"
        for other in sorted(others - {own})
        if heights[other] >= heights[own]
    ]


FILES = sorted(path.relative_to(MODULE) for path in MODULE.rglob("*.py"))


def read(path):
    return (MODULE / path).read_text(encoding="utf-8")


@pytest.mark.parametrize("path", FILES, ids=Path.as_posix)
def test_rooms_depend_downwards_only(path):
    assert not wrong_ways(path, read(path))


@pytest.mark.parametrize(
    ("file", "line", "named"),
    [
        ("core/regions.py", "from ..pipeline import analyze", "pipeline"),
        ("core/regions.py", "def late():\n    from ..readers.masks import read_mask", "readers"),
        ("cohorts/records.py", "from ..writers.tables import CaseTable", "writers"),
        ("network/training.py", "from .. import commands", "commands"),
        ("pipeline.py", "import BreastMassXAILib.scene.views", "scene"),
    ],
)
def test_a_wrong_import_fails_with_the_sentence_that_names_the_rule(file, line, named):
    (sentence,) = wrong_ways(Path("BreastMassXAILib") / file, line)
    assert f"{file} must not import {named}: one way of dependence, downwards only: core <- phantom" in sentence


def circle(graph):
    """The names along a circle of a graph, or nothing."""
    finished, under_way = set(), []

    def visit(name):
        if name in finished:
            return []
        if name in under_way:
            return under_way[under_way.index(name) :]
        under_way.append(name)
        for other in sorted(graph[name]):
            if found := visit(other):
                return found
        finished.add(under_way.pop())
        return []

    return next((found for name in sorted(graph) if (found := visit(name))), [])


def test_no_file_imports_itself_over_others():
    names = {".".join(path.with_suffix("").parts): path for path in FILES if path.name != "__init__.py"}
    graph = {name: imports(path, read(path), everywhere=True) & names.keys() - {name} for name, path in names.items()}
    assert not circle(graph)
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c"]


@pytest.mark.parametrize("path", FILES, ids=Path.as_posix)
def test_heavy_packages_stay_in_their_rooms(path):
    """Slicer must load the module, and the command line must print its help, before any of these is installed."""
    room = room_of(path)
    tops = {name.split(".")[0] for name in imports(path, read(path))}
    named = room == "methods" and path.stem in ("__init__", "catalogue")  # what there is to choose from
    if room not in ("network", "methods") or named:
        assert not tops & {"torch", "torchvision", "safetensors"}
    assert not tops & {"matplotlib", "trame", "trame_slicer"}
    if room == "core":
        assert not tops & {"SimpleITK", "pydicom", "PIL", "slicer", "vtk", "qt"}
    if room not in ("scene", "presenter", "widgets", ""):
        assert not tops & {"slicer", "vtk", "vtkmodules"}
    assert not tops & {"qt", "ctk"} or room == "widgets"
