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
    assert (ROOT / "LICENSE").read_text().lstrip().startswith("Apache License")


def imports(path):
    """Modules imported at a file's own scope, relative ones as paths of the library."""
    found = set()
    package = path.relative_to(MODULE).parent.parts
    tree = ast.parse(path.read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else ()
            found.add(".".join((*base, *(node.module or "").split("."))).rstrip("."))
    return found


FILES = sorted(MODULE.rglob("*.py"))
BELOW = {
    "core": (),
    "phantom": ("core",),
    "readers": ("core",),
    "cohorts": ("core", "readers", "writers"),
    "writers": ("core", "readers", "cohorts"),
    "network": ("core", "readers", "cohorts", "writers", "resources", "commands"),
    "scene": ("core", "readers", "pipeline"),
    "presenter": ("core", "readers", "cohorts", "writers", "pipeline", "resources", "scene"),
    "widgets": ("core", "readers", "cohorts", "writers", "scene", "presenter"),
    "hosts": ("core", "network", "readers", "cohorts", "writers", "scene", "presenter", "pipeline", "resources"),
    "commands": (
        "core",
        "phantom",
        "network",
        "readers",
        "cohorts",
        "writers",
        "scene",
        "presenter",
        "hosts",
        "pipeline",
        "resources",
    ),
}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(MODULE).as_posix())
def test_rooms_depend_downwards_only(path):
    parts = path.relative_to(MODULE).parts
    if len(parts) != 3:
        return
    room = parts[1]
    for name in imports(path):
        if name.startswith("BreastMassXAILib."):
            other = name.split(".")[1]
            assert other == room or other in BELOW[room], f"{room} must not import {other}"


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(MODULE).as_posix())
def test_heavy_packages_stay_in_their_rooms(path):
    """Slicer must load the module, and the command line must print its help, before any of these is installed."""
    room = path.relative_to(MODULE).parts[1] if len(path.relative_to(MODULE).parts) == 3 else ""
    tops = {name.split(".")[0] for name in imports(path)}
    if room != "network":
        assert not tops & {"torch", "torchvision", "safetensors"}
    assert not tops & {"matplotlib", "trame", "trame_slicer"}
    if room == "core":
        assert not tops & {"SimpleITK", "pydicom", "PIL", "slicer", "vtk", "qt"}
    if room not in ("scene", "presenter", "widgets", ""):
        assert not tops & {"slicer", "vtk", "vtkmodules"}
    assert not tops & {"qt", "ctk"} or room == "widgets"
