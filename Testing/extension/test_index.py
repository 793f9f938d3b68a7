"""What the extensions index demands, as far as it can be checked in a checkout."""

import re
import struct
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "extension-index.md"
CMAKE = (ROOT / "CMakeLists.txt").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
RAW = "https://raw.githubusercontent.com/BreastMassXAI/SlicerBreastMassXAI/main/"


def of_cmake(name):
    return re.search(rf'^set\(EXTENSION_{name} "([^"\n]+)"\)', CMAKE, re.MULTILINE).group(1)


def rows():
    return [
        tuple(cell.strip() for cell in line.strip("|").split("|"))
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("| ") and not line.startswith("| demand")
    ]


def test_every_demand_has_an_answer_and_every_place_is_there():
    assert len(rows()) >= 20
    for demand, answer in rows():
        assert len(answer) > 10, demand
        for link in re.findall(r"\]\(([^)#]+)\)", answer):
            assert (PAGE.parent / link).exists(), (demand, link)
        for file in re.findall(r"`(Testing/[\w/.]+)`", answer):
            assert (ROOT / file).is_file(), (demand, file)


def test_name_licence_category_and_dependency():
    assert "project(BreastMassXAI)" in CMAKE
    assert of_cmake("HOMEPAGE").endswith("/SlicerBreastMassXAI")
    assert (of_cmake("CATEGORY"), of_cmake("DEPENDS")) == ("Ultrasound", "PyTorch")
    assert (ROOT / "LICENSE.txt").read_text(encoding="utf-8").lstrip().startswith("Apache License")
    assert "Apache License 2.0" in README


@pytest.mark.parametrize("name", ["ICONURL", "SCREENSHOTURLS"])
def test_pictures_are_raw_files_of_this_repository(name):
    for url in of_cmake(name).split():
        assert url.startswith(RAW)
        head = (ROOT / url.removeprefix(RAW)).read_bytes()[:24]
        assert head.startswith(b"\x89PNG")
        assert min(struct.unpack(">II", head[16:24])) >= 64


def test_homepage_has_picture_modules_tutorial_and_publication():
    assert README.startswith("# BreastMassXAI\n")
    pictures = re.findall(r"!\[[^\]]+\]\(([^)]+)\)", README)
    assert len(pictures) >= 2 and all((ROOT / picture).is_file() for picture in pictures)
    assert re.search(r"one module, \*Breast Mass XAI\*", README)
    assert re.search(r"^## Tutorial\n\n1\. ", README, re.MULTILINE)
    assert "https://doi.org/" in README


def test_samples_are_registered():
    module = (ROOT / "BreastMassXAI" / "BreastMassXAI.py").read_text(encoding="utf-8")
    assert "SampleDataLogic.registerCustomSampleDataSource" in module or "registerSampleData" in module


def test_the_shipped_files_leave_room_for_a_history():
    """A checkout with its history may take 100 MB."""
    shipped = [
        path for path in (ROOT / "BreastMassXAI").rglob("*") if path.is_file() and "__pycache__" not in path.parts
    ]
    assert sum(path.stat().st_size for path in shipped) < 60e6
