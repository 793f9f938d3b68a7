"""Frames that Slicer's DICOM module loaded: their regions, scan area and beams come from the file."""

from __future__ import annotations

import json
from types import SimpleNamespace

import numpy as np
import pydicom
import pytest

from BreastMassXAILib.resources import resource

pytest.importorskip("trame_slicer", reason="slicer-core and trame-slicer are not installed")


@pytest.fixture
def database(monkeypatch):
    """Slicer's database, which only the desktop has: the files of instances, by their UID."""
    import slicer

    files: dict[str, str] = {}
    found = SimpleNamespace(isOpen=True, fileForInstance=lambda uid: files.get(uid, ""))
    monkeypatch.setattr(slicer, "dicomDatabase", found, raising=False)

    def add(path):
        files[str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID)] = str(path)
        return path

    return SimpleNamespace(add=add, found=found, files=files)


def loaded(scene, path, pixels=None):
    """The node that shows a file of one or several frames after DICOMImageSequencePlugin has loaded it."""
    from vtkmodules.vtkCommonMath import vtkMatrix4x4

    from BreastMassXAILib.scene.arrays import set_volume_array

    data = pydicom.dcmread(path)
    frames = data.pixel_array.reshape((-1, data.Rows, data.Columns)) if pixels is None else pixels
    regions = data.get("SequenceOfUltrasoundRegions") or []
    size = (1.0, 1.0)  # the plugin reads a single region only
    if len(regions) == 1:
        size = regions[0].PhysicalDeltaX * 10.0, regions[0].PhysicalDeltaY * 10.0
    sequence = scene.AddNewNodeByClass("vtkMRMLSequenceNode", path.stem)
    for index, frame in enumerate(frames):
        node = scene.AddNewNodeByClass("vtkMRMLScalarVolumeNode")
        matrix = vtkMatrix4x4()
        matrix.SetElement(0, 0, -1.0)
        matrix.SetElement(1, 1, -1.0)
        node.SetIJKToRASMatrix(matrix)
        node.SetSpacing(*size, 1.0)
        node.SetAttribute("DICOM.instanceUIDs", str(data.SOPInstanceUID))
        set_volume_array(node, np.ascontiguousarray(frame))
        sequence.SetDataNodeAtValue(node, str(index))
        scene.RemoveNode(node)
    browser = scene.AddNewNodeByClass("vtkMRMLSequenceBrowserNode")
    browser.AddSynchronizedSequenceNode(sequence)
    browser.SetSelectedItemNumber(0)
    return browser, browser.GetProxyNode(sequence)


def session_on(scene, frame, mass: np.ndarray):
    from BreastMassXAILib.presenter.session import Session
    from BreastMassXAILib.scene.inputs import add_mass

    session = Session(scene)
    session.set_inputs(frame, add_mass(scene, mass, frame, "mass"), "mass")
    return session


def without_mask_file(result: dict) -> dict:
    """Without what is said of the mask's file: in Slicer the mass comes from none."""
    return {**result, "warnings": [text for text in result["warnings"] if "malignant_mask.png" not in text]}


def test_the_result_is_that_of_the_command_line(scene, database, malignant, tmp_path) -> None:
    from BreastMassXAILib.analyses.frame import FrameRequest, explain_frame

    path = database.add(resource("SampleData") / "malignant.dcm")
    mask = resource("SampleData") / "malignant_mask.png"
    _, frame = loaded(scene, path)
    session = session_on(scene, frame, malignant.mass)
    assert "ultrasound region" in session.facts.spacing
    assert session.facts.badge.value == "good"
    session.explain()
    ours = session.result.to_dict()
    explain_frame(FrameRequest(frame=path, mask=mask, out=tmp_path / "out"))
    theirs = without_mask_file(json.loads((tmp_path / "out" / "result.json").read_text()))
    ours = json.loads(json.dumps(ours))
    assert {key for key in theirs if ours.get(key) != theirs[key]} == {"mask"}  # here it comes from no file
    session.close()


def test_without_a_database_or_its_file_the_node_speaks_for_itself(scene, database, malignant) -> None:
    path = resource("SampleData") / "malignant.dcm"
    _, frame = loaded(scene, path)
    for change in ("unknown instance", "closed", "file gone"):
        database.found.isOpen = change != "closed"
        if change == "file gone":
            uid = str(pydicom.dcmread(path, stop_before_pixels=True).SOPInstanceUID)
            database.files[uid] = str(path.with_name("gone.dcm"))
        session = session_on(scene, frame, malignant.mass)
        assert "file's header" in session.facts.spacing
        assert session.can_explain
        session.close()


def two_regions(path, malignant):
    """The sample with its left and right half calibrated differently."""
    data = pydicom.dcmread(resource("SampleData") / "malignant.dcm")
    rows, columns = malignant.frame.shape
    halves = []
    for left, right, cm in ((0, columns // 2 - 1, 0.0065), (columns // 2, columns - 1, 0.009)):
        item = pydicom.Dataset()
        item.RegionSpatialFormat, item.RegionDataType, item.RegionFlags = 1, 1, 0
        item.RegionLocationMinX0, item.RegionLocationMaxX1 = left, right
        item.RegionLocationMinY0, item.RegionLocationMaxY1 = 0, rows - 1
        item.PhysicalUnitsXDirection = item.PhysicalUnitsYDirection = 3
        item.PhysicalDeltaX = item.PhysicalDeltaY = cm
        halves.append(item)
    data.SequenceOfUltrasoundRegions = halves
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    data.save_as(path)
    return path


def test_of_several_regions_the_mass_chooses(scene, database, malignant, tmp_path) -> None:
    """Slicer leaves such a frame at 1 mm a pixel, without a word."""
    from BreastMassXAILib.readers.frames import read_frame_and_mask
    from BreastMassXAILib.scene.inputs import set_mass

    path = database.add(two_regions(tmp_path / "two.dcm", malignant))
    _, frame = loaded(scene, path)
    assert frame.GetSpacing()[:2] == (1.0, 1.0)
    columns = malignant.frame.shape[1]
    place = slice(200, 300), slice(20, 120)
    for start, mm in ((20, 0.065), (columns - 120, 0.09), (20, 0.065)):
        mass = np.zeros(malignant.frame.shape, bool)
        mass[place[0], start : start + 100] = True
        if start == 20 and "session" not in locals():
            session = session_on(scene, frame, mass)
        else:
            set_mass(session.inputs[1], mass, frame)
            session.refresh()
        case = session.prepare().case
        session.fail("")
        assert case.frame.spacing.mm() == pytest.approx((mm, mm))
        from PIL import Image

        Image.fromarray(mass.astype(np.uint8) * 255).save(tmp_path / "mask.png")
        read, _, _ = read_frame_and_mask(path, tmp_path / "mask.png")
        np.testing.assert_array_equal(case.frame.scan_area, read.scan_area)
        assert set(read.warnings) <= set(case.frame.warnings)
    session.close()


def test_a_calibrated_frame_keeps_its_own_millimetres_and_the_files_regions(scene, database, malignant) -> None:
    from BreastMassXAILib.presenter.adding import draw_line
    from BreastMassXAILib.scene.calibration import calibrate_volume

    path = database.add(resource("SampleData") / "malignant.dcm")
    _, frame = loaded(scene, path)
    session = session_on(scene, frame, malignant.mass)
    area = session.prepare().case.frame.scan_area
    session.fail("")
    line = draw_line(scene, frame)
    for row in (100, 400):
        line.AddControlPoint((-50 * frame.GetSpacing()[0], -row * frame.GetSpacing()[1], 0))
    calibrate_volume(frame, [(line, 30.0)])
    session.refresh()
    case = session.prepare().case
    assert case.frame.spacing.provenance.value == "calibrated"
    assert case.frame.spacing.mm() == pytest.approx((0.1, 0.1))
    np.testing.assert_array_equal(case.frame.scan_area, area)
    session.close()


def test_pixels_that_were_changed_in_slicer_are_not_exchanged_for_the_files(scene, database, malignant) -> None:
    path = database.add(resource("SampleData") / "malignant.dcm")
    painted = malignant.frame.pixels.astype(np.uint8).copy()
    painted[:12, :80] = 0  # a name that was painted over
    _, frame = loaded(scene, path, painted[None])
    session = session_on(scene, frame, malignant.mass)
    case = session.prepare().case
    np.testing.assert_array_equal(case.frame.pixels, painted)
    assert "ultrasound region" in session.facts.spacing
    assert case.frame.source is None
    session.fail("")
    session.close()
    _, other = loaded(scene, path, malignant.frame.pixels.astype(np.uint8)[None, :, ::-1])
    session = session_on(scene, other, malignant.mass[:, ::-1])
    assert "file's header" in session.facts.spacing, "a mirrored image is not the file's: its regions lie elsewhere"
    session.close()


def test_a_damaged_file_is_told_and_the_frame_still_shown(scene, database, malignant, tmp_path) -> None:
    path = tmp_path / "damaged.dcm"
    content = (resource("SampleData") / "malignant.dcm").read_bytes()
    path.write_bytes(content)
    database.add(path)
    _, frame = loaded(scene, path)
    path.write_bytes(content[: len(content) // 2])
    session = session_on(scene, frame, malignant.mass)
    case = session.prepare().case
    assert any("DICOM database" in warning for warning in case.frame.warnings)
    session.fail("")
    session.close()


def write_loop(path):
    """The sample as the first of three frames."""
    data = pydicom.dcmread(resource("SampleData") / "malignant.dcm")
    frames = np.stack([data.pixel_array, data.pixel_array[:, ::-1], 255 - data.pixel_array])
    data.NumberOfFrames = 3
    data.PixelData = frames.tobytes()
    data.SOPClassUID = data.file_meta.MediaStorageSOPClassUID = "1.2.840.10008.5.1.4.1.1.3.1"
    data.SOPInstanceUID = data.file_meta.MediaStorageSOPInstanceUID = pydicom.uid.generate_uid()
    data.save_as(path)
    return path


def test_each_frame_of_a_loop_is_the_files_own(scene, database, malignant, tmp_path) -> None:
    path = database.add(write_loop(tmp_path / "loop.dcm"))
    frames = pydicom.dcmread(path).pixel_array
    browser, frame = loaded(scene, path, frames)
    session = session_on(scene, frame, malignant.mass)
    for item in (0, 2, 1):
        browser.SetSelectedItemNumber(item)
        session.refresh()
        case = session.prepare().case
        session.fail("")
        np.testing.assert_array_equal(case.frame.pixels, frames[item])
        assert case.frame.spacing.provenance.value == "dicom-region"
    session.close()


def test_a_whole_loop_is_explained_as_on_the_command_line(scene, database, malignant, tmp_path) -> None:
    from BreastMassXAILib.analyses.cine import CineRequest, explain_loop
    from BreastMassXAILib.presenter.loop import Loop
    from BreastMassXAILib.scene.cine import summary_of

    path = database.add(write_loop(tmp_path / "loop.dcm"))
    browser, frame = loaded(scene, path, pydicom.dcmread(path).pixel_array)
    session = session_on(scene, frame, malignant.mass)
    loop = Loop(session)
    job = loop.prepare()
    loop.finish(job, job.run())
    mask = resource("SampleData") / "malignant_mask.png"
    explain_loop(CineRequest(cine=path, masks=((1, mask),), propagate=True, out=tmp_path / "out"))
    theirs = without_mask_file(json.loads((tmp_path / "out" / "cine.json").read_text()))
    assert json.loads(json.dumps(summary_of(frame))) == theirs
    assert browser.GetSelectedItemNumber() == 0
    loop.close()
    session.close()
