"""A manifest is read, and everything wrong with it is said, row by row."""

import numpy as np
import pytest
from PIL import Image

from BreastMassXAILib.cohorts.cases import read_case
from BreastMassXAILib.cohorts.datasets import read_dataset
from BreastMassXAILib.cohorts.manifest import check_manifest, read_manifest
from BreastMassXAILib.core.errors import InputError
from BreastMassXAILib.core.frame import Provenance

HEADER = "image,mask,label,patient,view,spacing_row_mm,spacing_col_mm,partition\n"
ROWS = (
    "a.png,a_m.png,Malignant,p1,l,0.1,0.12,1\n"
    "b.png,b_m.png; b_m2.png,0,p2,r,,,1\n"
    "c.png,c_m.png,cancer,p3,l,0.1,0.1,2\n"
    "d.png,d_m.png,B,p4,l,0.1,0.1,2\n"
)


@pytest.fixture
def folder(tmp_path, ellipse):
    generator = np.random.default_rng(0)
    for name in "abcd":
        Image.fromarray(generator.integers(0, 255, ellipse.shape).astype(np.uint8)).save(tmp_path / f"{name}.png")
        Image.fromarray(ellipse).save(tmp_path / f"{name}_m.png")
    Image.fromarray(np.roll(ellipse, 9, axis=0)).save(tmp_path / "b_m2.png")
    Image.fromarray(ellipse[:30]).save(tmp_path / "small.png")
    (tmp_path / "text.png").write_text("no picture")
    return tmp_path


def manifest(folder, rows=ROWS, header=HEADER):
    path = folder / "manifest.csv"
    path.write_text(header + rows)
    return path


def test_rows_become_cases(folder):
    data = read_manifest(manifest(folder))
    assert [record.label for record in data.records] == ["malignant", "benign", "malignant", "benign"]
    assert [record.patient for record in data.records] == ["p1", "p2", "p3", "p4"]
    assert [record.partition for record in data.records] == [1, 1, 2, 2]
    assert not data.skipped and not data.notes
    first, second = (read_case(record) for record in data.records[:2])
    assert first.frame.spacing.mm() == (0.1, 0.12) and first.frame.spacing.provenance is Provenance.MANIFEST
    assert not second.frame.spacing.known and second.mass.sum() > first.mass.sum()
    assert read_dataset(folder).records == data.records


def test_a_good_manifest_has_no_faults(folder):
    found = check_manifest(manifest(folder))
    assert (found.rows, found.good, found.faults) == (4, 4, ())


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("none.png,a_m.png,1,p9,,,,1", ["There is no file none.png"]),
        ("a.png,a_m.png; none.png,1,p9,,,,1", ["There is no file none.png"]),
        ("a.png,,1,p9,,,,1", ["The mask is missing"]),
        ("a.png,b_m.png,suspicious,p9,,,,1", ["'suspicious' is unknown", "malignant: malignant, ", "benign: benign"]),
        ("a.png,b_m.png,1,p9,,0.1,,1", ["0.1 x nothing is not two numbers"]),
        ("a.png,b_m.png,1,p9,,-1,0.1,1", ["not millimetres per pixel"]),
        ("a.png,b_m.png,1,p9,,100,100,1", ["not millimetres per pixel"]),
        ("c.png,c_m.png,1,p3,,,,2", ["same image and mask is in line 4"]),
        ("a.png,b_m.png,1,p9,,,,first", ["'first' is not a whole number"]),
        ("a.png,small.png,1,p9,,,,1", ["does not fit the frame"]),
        ("text.png,a_m.png,1,p9,,,,1", ["text.png"]),
    ],
)
def test_what_is_wrong_with_a_row(folder, row, words):
    header = HEADER.replace("image", "identifier,image", 1)
    rows = "".join(f"{k},{line}\n" for k, line in enumerate((ROWS + row).splitlines()))
    found = check_manifest(manifest(folder, rows, header))
    assert (found.rows, found.good) == (5, 4)
    assert [fault.line for fault in found.faults] == [6]
    for word in words:
        assert word in found.faults[0].sentence


def test_broken_rows_cost_themselves_only(folder):
    data = read_manifest(manifest(folder, ROWS + "e.png,a_m.png,1,p9,,,,1\n"))
    assert len(data.records) == 4
    assert [(entry.identifier, entry.reason) for entry in data.skipped] == [("e.png", "There is no file e.png.")]


@pytest.mark.parametrize(
    ("old", "new", "sentence", "lines"),
    [
        ("p2", "p1", "The patient p1 is in both classes", [2, 3]),
        ("p3", "p1", "The patient p1 is in several partitions", [2, 4]),
        ("0,p2", "1,p2", "The partition 1 has no benign case", [0]),
    ],
)
def test_faults_between_rows(folder, old, new, sentence, lines):
    path = manifest(folder, ROWS.replace(old, new))
    found = check_manifest(path)
    assert [fault.line for fault in found.faults if sentence in fault.sentence] == lines
    assert found.rows == found.good + len({fault.line for fault in found.faults if fault.line})
    assert any(sentence in note for note in read_manifest(path).notes)


@pytest.mark.parametrize(
    ("header", "rows", "sentence"),
    [("image,mask\n", "a,b\n", "lacks the column label"), (HEADER, "", "lists no case"), ("", "", "lacks the column")],
)
def test_no_table(folder, header, rows, sentence):
    with pytest.raises(InputError, match=sentence):
        read_manifest(manifest(folder, rows, header))


def test_no_file(tmp_path):
    with pytest.raises(InputError, match="There is no manifest"):
        check_manifest(tmp_path / "none.csv")


def test_empty_rows_are_no_cases(folder):
    rows = ROWS.replace("\nc.png", "\n,,,,,,,\n , ,\nc.png")
    found = check_manifest(manifest(folder, rows))
    assert (found.rows, found.good, found.faults) == (4, 4, ())
    # An incomplete row is told for what it lacks, not for being like another that lacks the same.
    found = check_manifest(manifest(folder, ROWS + ",,1,p8,,,,1\n,,0,p9,,,,1\n"))
    assert [fault.line for fault in found.faults] == [6, 6, 7, 7]
    assert all("is missing" in fault.sentence for fault in found.faults)


def test_identifiers_are_relative_to_the_manifest(folder, tmp_path_factory, ellipse):
    elsewhere = tmp_path_factory.mktemp("anna-smith") / "scans" / "one"
    elsewhere.mkdir(parents=True)
    for name in ("a", "z"):
        values = np.random.default_rng(9).integers(0, 255, ellipse.shape).astype(np.uint8)
        Image.fromarray(values).save(elsewhere / f"{name}.png")
    rows = ROWS.replace("c.png", f"{folder}/c.png", 1) + f"{elsewhere}/a.png,a_m.png,1,p7,,,,1\n"
    rows += f"{elsewhere}/z.png,a_m.png,1,p8,,,,1\n{elsewhere}/none.png,a_m.png,1,p8,,,,1\n"
    data = read_manifest(manifest(folder, rows))
    names = [record.identifier for record in data.records]
    assert names == ["a.png", "b.png", "c.png", "d.png", "one/a.png", "z.png"]
    told = [record.identifier for record in data.records] + [f"{s.identifier} {s.reason}" for s in data.skipped]
    assert not any(str(folder) in text or "anna" in text for text in told), told


def test_a_row_chooses_frame_segment_and_flip(folder, speckle, ellipse):
    loop = [Image.fromarray(np.roll(speckle, 3 * k, axis=1)) for k in range(3)]
    loop[0].save(folder / "loop.tif", save_all=True, append_images=loop[1:])
    labels = ellipse.astype(np.uint8)
    labels[:3] = 2
    Image.fromarray(labels).save(folder / "labels.png")
    Image.fromarray(labels[::-1]).save(folder / "turned_m.png")
    Image.fromarray(speckle[::-1]).save(folder / "turned.png")
    header = "image,mask,label,patient,frame,segment,flip\n"
    rows = "loop.tif,labels.png,1,p1,2,1,\nloop.tif,labels.png,1,p1,3,1; 2,\nturned.png,turned_m.png,0,p2,,1,rows\n"
    data = read_manifest(manifest(folder, rows, header))
    assert [record.identifier for record in data.records] == ["loop.tif frame 2", "loop.tif frame 3", "turned.png"]
    cases = [read_case(record) for record in data.records]
    for case, pixels, mass in zip(
        cases,
        (np.roll(speckle, 3, axis=1), np.roll(speckle, 6, axis=1), speckle),
        (labels == 1, labels > 0, labels == 1),
        strict=True,
    ):
        np.testing.assert_array_equal(case.frame.pixels, pixels)
        np.testing.assert_array_equal(case.mass, mass)
    faults = check_manifest(manifest(folder, rows.replace(",2,1,", ",0,1,").replace("rows", "columns"), header)).faults
    assert any("frame 0 is not a number from 1 on" in fault.sentence for fault in faults)
    assert any("flip 'columns' is unknown" in fault.sentence for fault in faults)
    assert any(
        "choose one (--segment) of 1, 2" in fault.sentence
        for fault in check_manifest(manifest(folder, rows.replace(",2,1,", ",2,,"), header)).faults
    )


@pytest.mark.parametrize("reader", [read_manifest, check_manifest])
@pytest.mark.parametrize("line", [2, 4])
def test_a_quotation_mark_too_many_is_told_with_its_line(folder, reader, line):
    """It would make one cell of all rows that follow, and their cases would be lost in silence."""
    rows = ROWS.splitlines()
    rows[line - 2] = '"' + rows[line - 2]
    with pytest.raises(InputError, match=rf"a quotation mark in line {line} opens a cell that goes on over") as found:
        reader(manifest(folder, "\n".join(rows) + "\n"))
    assert str(found.value).count("\n") == 0


def test_a_note_of_several_lines_is_no_fault(folder):
    rows = ROWS.splitlines()
    path = manifest(folder, "".join(f'{row},"seen twice,\nonce more"\n' for row in rows), HEADER.strip() + ",note\n")
    assert len(read_manifest(path).records) == len(rows)


def test_a_name_that_no_system_takes_is_a_file_that_is_not_there(folder):
    long = "x" * 300 + ".png"
    found = check_manifest(manifest(folder, ROWS.replace("a.png", long, 1)))
    told = " ".join(fault.sentence for fault in found.faults)
    assert "There is no file xxx" in told and "(304 characters)" in told


def test_rows_with_sizes_that_no_probe_images_are_to_be_checked_and_no_faults(folder):
    found = check_manifest(manifest(folder, ROWS.replace("p4,l,0.1,0.1", "p4,l,0.01,0.01")))
    lines = {doubt.line for doubt in found.to_check if "0.01 x 0.01 mm" in doubt.sentence}
    assert lines == {len(ROWS.splitlines()) + 1} and found.good == found.rows


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("ends", ["\n", "\r\n"])
def test_a_manifest_of_any_encoding_that_says_so_is_the_same(folder, encoding, ends):
    (folder / "a.png").rename(folder / "L\xe4sion \u4e73.png")
    path = folder / "manifest.csv"
    text = (HEADER + ROWS.replace("a.png", "L\xe4sion \u4e73.png", 1)).replace("\n", ends)
    path.write_bytes(text.encode(encoding))
    data = read_manifest(path)
    assert not data.skipped and len(data.records) == 4
    assert data.records[0].image.name == "L\xe4sion \u4e73.png"


@pytest.mark.parametrize(
    ("encoding", "sentence"),
    [
        ("cp1252", r"is no text in UTF-8 in line 2\. Save it as CSV in UTF-8\."),
        ("utf-16-le", "is in UTF-16 or UTF-32 and has not the mark"),
        ("utf-16-be", "is in UTF-16 or UTF-32 and has not the mark"),
    ],
)
@pytest.mark.parametrize("reader", [check_manifest, read_manifest])
def test_an_encoding_that_cannot_be_told_is_refused_in_words(folder, encoding, sentence, reader):
    path = folder / "manifest.csv"
    path.write_bytes((HEADER + ROWS.replace("a.png", "L\xe4sion.png", 1)).encode(encoding))
    with pytest.raises(InputError, match=sentence):
        reader(path)


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (",", ";", "semicolons separate its columns"),
        (",", "\t", "tabs separate its columns"),
        ("patient", "label", "has the column label more than once"),
        ("view", "mask", "has the column mask more than once"),
    ],
)
def test_columns_that_are_not_clear_are_refused(folder, old, new, sentence):
    with pytest.raises(InputError, match=sentence):
        read_manifest(manifest(folder, header=HEADER.replace(old, new)))
