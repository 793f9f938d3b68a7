"""Packs hold what their data set holds, say when they do not, and cost nothing in numbers when lossless."""

import json
import zipfile

import numpy as np
import pytest
from PIL import Image

from BreastMassXAILib.cohorts.datasets import read_case, read_dataset
from BreastMassXAILib.cohorts.packing import PackSettings, write_pack
from BreastMassXAILib.cohorts.packs import packed_field
from BreastMassXAILib.core.errors import InputError, OutputError
from BreastMassXAILib.core.field import FieldRule
from BreastMassXAILib.core.regions import mask_box
from BreastMassXAILib.core.settling import SpacingAssumption


@pytest.fixture
def folder(tmp_path):
    """A manifest of four frames of two patients; one of them cannot be read."""
    generator = np.random.default_rng(0)
    rows = ["image,mask,label,patient,view,spacing_row_mm,spacing_col_mm,partition"]
    home = tmp_path / "data"
    home.mkdir()
    for k in range(4):
        grey = generator.integers(0, 256, (90 + k, 120)).astype(np.uint8)
        mask = np.zeros(grey.shape, np.uint8)
        mask[30:55, 40 + k : 70] = 255
        Image.fromarray(grey).save(home / f"{k}.png")
        Image.fromarray(mask).save(home / f"{k}_mask.png")
        spacing = "0.1,0.2" if k < 2 else ","
        rows.append(f"{k}.png,{k}_mask.png,{'malignant' if k % 2 else 'benign'},p{k // 2},left,{spacing},{k // 2 + 1}")
    (home / "3.png").write_bytes(b"\x89PNG, but no more")
    (home / "manifest.csv").write_text("\n".join(rows))
    return home


def test_a_lossless_pack_gives_the_cases_of_its_folder(folder, tmp_path):
    data = read_dataset(folder)
    count, skipped = write_pack(data, tmp_path / "d.pack")
    assert count == 3 and [entry.identifier for entry in skipped] == [data.records[3].identifier]
    packed = read_dataset(tmp_path / "d.pack")
    assert packed.name == data.name and len(packed.records) == 3 and packed.skipped[0].reason == skipped[0].reason
    width = SpacingAssumption(width_mm=40)
    for theirs, ours in zip(data.records, packed.records, strict=False):
        assert (ours.identifier, ours.label, ours.patient, ours.view, ours.partition) == (
            theirs.identifier, theirs.label, theirs.patient, theirs.view, theirs.partition
        )  # fmt: skip
        one, two = read_case(theirs, width), read_case(ours, width)
        np.testing.assert_array_equal(one.frame.pixels, two.frame.pixels)
        np.testing.assert_array_equal(one.mass, two.mass)
        assert one.frame.spacing == two.frame.spacing and one.frame.source == two.frame.source
        assert one.frame.beams == two.frame.beams and one.mass_source == two.mass_source


def test_a_smaller_pack_keeps_millimetres_and_shape(folder, tmp_path):
    data = read_dataset(folder)
    write_pack(data, tmp_path / "s.pack", PackSettings(quality=95, size=64))
    large, small = read_case(data.records[0]), read_case(read_dataset(tmp_path / "s.pack").records[0])
    assert max(small.frame.shape) == 64
    for one, two in ((large.frame.shape[0], 0), (large.frame.shape[1], 1)):
        assert small.frame.shape[two] * small.frame.spacing.mm()[two] == pytest.approx(
            one * large.frame.spacing.mm()[two], rel=0.02
        )
    area = [case.mass.sum() * np.prod(case.frame.spacing.mm()) for case in (large, small)]
    assert area[0] == pytest.approx(area[1], rel=0.05)


def test_a_crop_holds_its_field_with_room_and_knows_it(folder, tmp_path):
    data, rule = read_dataset(folder), FieldRule("square", 1.4)
    write_pack(data, tmp_path / "c.pack", PackSettings(field=rule))
    assert packed_field(tmp_path / "c.pack") == rule
    whole, cut = read_case(data.records[1]), read_case(read_dataset(tmp_path / "c.pack").records[1])
    assert cut.frame.shape[1] < whole.frame.shape[1]
    seen, kept = (rule.field(case.mass) for case in (whole, cut))
    assert (seen.height, seen.width) == (kept.height, kept.width)
    rows, columns = (slice(int(a), int(a + b)) for a, b in ((seen.row, seen.height), (seen.column, seen.width)))
    theirs = (slice(int(a), int(a + b)) for a, b in ((kept.row, kept.height), (kept.column, kept.width)))
    np.testing.assert_array_equal(whole.frame.pixels[rows, columns], cut.frame.pixels[tuple(theirs)])
    assert [s.stop - s.start for s in mask_box(whole.mass)] == [s.stop - s.start for s in mask_box(cut.mass)]


def rewritten(source, target, change):
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            new.writestr(name, change(name, old.read(name)))
    return target


def changed_index(**values):
    def change(name, content):
        return json.dumps({**json.loads(content), **values}) if name == "pack.json" else content

    return change


def test_a_pack_that_is_not_whole_says_so(folder, tmp_path):
    pack = tmp_path / "d.pack"
    write_pack(read_dataset(folder), pack)
    content = pack.read_bytes()
    cut = tmp_path / "cut.pack"
    cut.write_bytes(content[: len(content) // 2])
    with pytest.raises(InputError, match="cut off"):
        read_dataset(cut)
    newer = rewritten(pack, tmp_path / "newer.pack", changed_index(schema_version=99))
    with pytest.raises(InputError, match="version 99"):
        read_dataset(newer)
    other = rewritten(pack, tmp_path / "other.pack", changed_index(format="something"))
    with pytest.raises(InputError, match="is no pack"):
        read_dataset(other)
    first = "frames/000001.png"
    altered = rewritten(pack, tmp_path / "a.pack", lambda n, c: c[:-9] + b"x" + c[-8:] if n == first else c)
    data = read_dataset(altered)
    with pytest.raises(InputError, match=f"has been altered: {first}"):
        read_case(data.records[0])
    assert read_case(data.records[1]).mass.any()
    with pytest.raises(InputError, match=r"There is no data set"):
        read_dataset(tmp_path / "none.pack")


def test_an_older_pack_is_not_overwritten_and_nothing_half_written_stays(folder, tmp_path):
    data, pack = read_dataset(folder), tmp_path / "d.pack"
    pack.write_text("mine")
    with pytest.raises(OutputError, match="exists already"):
        write_pack(data, pack)
    write_pack(data, pack, force=True)
    assert len(read_dataset(pack).records) == 3
    with pytest.raises(OutputError, match="no folder"):
        write_pack(data, tmp_path / "none" / "d.pack")
    (folder / "manifest.csv").write_text("image,mask,label\n3.png,3_mask.png,benign\n")
    with pytest.raises(InputError, match="nothing to pack"):
        write_pack(read_dataset(folder), tmp_path / "e.pack")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d.pack", "data"]


@pytest.mark.parametrize("wrong", [{"quality": 0}, {"quality": 101}, {"size": 10}])
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(InputError):
        PackSettings(**wrong)


def test_an_index_that_lacks_what_it_should_have_is_damaged(folder, tmp_path):
    pack = tmp_path / "d.pack"
    write_pack(read_dataset(folder), pack)
    for number, values in enumerate(({"cases": None}, {"cases": [{}]}, {"skipped": [{"a": 1}]}, {"cases": ["x"]})):
        bad = rewritten(pack, tmp_path / f"{number}.pack", changed_index(**values))
        with pytest.raises(InputError, match=r"is damaged: its pack\.json lacks or misstates"):
            read_dataset(bad)


def test_a_pixel_size_cannot_be_assumed_of_frames_that_were_cut_or_shrunk(folder, tmp_path):
    data = read_dataset(folder)
    write_pack(data, tmp_path / "s.pack", PackSettings(size=64))
    small = read_dataset(tmp_path / "s.pack").records
    assert small[2].spacing is None and small[0].spacing is not None
    for assumption in (SpacingAssumption(width_mm=40), SpacingAssumption(spacing_mm=(0.1, 0.1))):
        with pytest.raises(InputError, match="pack them again with --assume-width"):
            read_case(small[2], assumption)
        assert read_case(small[0], assumption).frame.spacing.known
    write_pack(data, tmp_path / "t.pack", PackSettings(size=64), SpacingAssumption(width_mm=40))
    large = read_case(data.records[2], SpacingAssumption(width_mm=40)).frame
    packed = read_case(read_dataset(tmp_path / "t.pack").records[2]).frame
    assert packed.shape[1] * packed.spacing.mm()[1] == pytest.approx(large.shape[1] * large.spacing.mm()[1], rel=0.02)


def test_crops_are_for_training_only(folder, tmp_path, capsys):
    from BreastMassXAILib.commands.command_line import main

    write_pack(read_dataset(folder), tmp_path / "c.pack", PackSettings(field=FieldRule("square", 1.4)))
    for command in ("evaluate", "calibrate"):
        assert main([command, str(tmp_path / "c.pack"), "--out", str(tmp_path / "o"), "--spacing", "0.1"]) == 2
        said = capsys.readouterr().err
        assert "holds crops for trainings with the field square of scale 1.4" in said, said
    assert not (tmp_path / "o").exists()


def test_a_pack_has_the_name_of_one(folder, tmp_path):
    with pytest.raises(InputError, match=r"let it end with \.pack"):
        write_pack(read_dataset(folder), tmp_path / "d.zip")
