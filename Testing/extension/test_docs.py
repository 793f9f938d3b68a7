"""What the pages say is what the code does, as far as that can be checked."""

import dataclasses
import json
import re
from pathlib import Path

import pytest

from BreastMassXAILib.commands.reference import page
from BreastMassXAILib.core.frame import Provenance
from BreastMassXAILib.core.result import CaseResult
from BreastMassXAILib.resources import SHIPPED_MODELS, resource

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "BreastMassXAI" / "BreastMassXAILib"
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def fields_of(page_name):
    text = (ROOT / "docs" / "reference" / page_name).read_text(encoding="utf-8")
    cells = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_every_link_leads_somewhere(path):
    text = re.sub(r"```.*?```", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    for link in re.findall(r"\]\(([^)]+)\)", text):
        if not link.startswith(("https://", "#")):
            assert (path.parent / link.partition("#")[0]).exists(), link


def test_every_page_is_reached_from_the_index_of_pages():
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    for path in (ROOT / "docs").rglob("*.md"):
        name = path.relative_to(ROOT / "docs").as_posix()
        assert name == "README.md" or f"({name})" in index, name


def test_the_page_of_commands_is_what_the_command_line_understands():
    kept = (ROOT / "docs" / "reference" / "commands.md").read_text(encoding="utf-8")
    assert kept == page(), "options have changed: run make docs"


def test_result_json_is_described_field_by_field():
    assert sorted(fields_of("result-json.md")) == sorted(field.name for field in dataclasses.fields(CaseResult))


def test_the_model_card_is_described_field_by_field():
    described = fields_of("model-card.md")
    for name in SHIPPED_MODELS:
        card = json.loads(resource("Models", name, "model.json").read_text(encoding="utf-8"))
        assert set(card) <= set(described), set(card) - set(described)


def test_every_provenance_is_explained():
    text = (ROOT / "docs" / "how-to" / "calibrate.md").read_text(encoding="utf-8")
    for provenance in Provenance:
        assert f"`{provenance.value}`" in text


def test_contributing_names_every_room_and_no_other():
    text = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = text[text.index("| room |") : text.index("`Testing/extension/test_extension.py`")]
    first = [line.split("|")[1] for line in table.splitlines() if line.startswith("|")]
    named = {name.removesuffix(".py") for cell in first for name in re.findall(r"`([\w.]+)`", cell)}
    rooms = {path.parent.name for path in LIBRARY.glob("*/__init__.py")}
    assert rooms <= named
    assert named - rooms <= {"pipeline", "resources", "methods"}
    for file in re.findall(r"`(\w+/\w+\.py)`", text):
        assert any((place / file).is_file() for place in (LIBRARY, LIBRARY.parent, ROOT)), file


def test_every_descriptor_is_described():
    from BreastMassXAILib.core.descriptors import BY_NAME

    assert sorted(set(fields_of("descriptors.md")) & set(BY_NAME)) == sorted(BY_NAME)
