"""A loop, frame by frame: the same explanations as single frames', a few at a time."""

import math
import tracemalloc

import numpy as np
import pytest
import torch

from BreastMassXAILib.core.cine import Cine
from BreastMassXAILib.core.classifier import Classifier
from BreastMassXAILib.core.errors import InputError, SpacingError
from BreastMassXAILib.core.field import FieldRule
from BreastMassXAILib.core.frame import Case, Frame, Provenance, Spacing
from BreastMassXAILib.core.propagation import MassTrack
from BreastMassXAILib.core.result import Settings
from BreastMassXAILib.network.bundle import Bundle
from BreastMassXAILib.network.cam import class_activation_map, class_activation_maps
from BreastMassXAILib.network.preprocessing import Preprocessing
from BreastMassXAILib.network.resnet import Architecture, ScaledResNet
from BreastMassXAILib.pipeline import analyze, analyze_cine
from BreastMassXAILib.writers.cine_results import CineWriter, frames_csv, map_stream
from BreastMassXAILib.writers.curve import write_curve

SHAPE = (90, 120)
SPACING = Spacing(0.3, 0.25, Provenance.DICOM_REGION)
ROW, COLUMN = np.mgrid[: SHAPE[0], : SHAPE[1]]


@pytest.fixture(scope="module", params=[FieldRule("square", 2.0), FieldRule()], ids=["square", "frame"])
def bundle(request):
    torch.manual_seed(1)
    network = ScaledResNet(Architecture(18, last_stage=3))
    torch.nn.init.normal_(network.linear.weight, 0, 0.03)
    classifier = Classifier("tiny", "0" * 64, threshold=0.4, temperature=1.3)
    return Bundle(classifier, network.fold_for_inference(), request.param, Preprocessing(64), {})


def mass(row=40.0, column=60.0):
    return ((ROW - row) / 12) ** 2 + ((COLUMN - column) / 18) ** 2 < 1


def make_frame(index, spacing=SPACING):
    pixels = np.random.default_rng(index).integers(0, 256, SHAPE).astype(np.float32)
    return Frame(pixels, spacing, warnings=("Seen on all.",) + (("Odd.",) if index % 2 else ()))


def make_cine(count, spacing=SPACING):
    return Cine(count, lambda index: make_frame(index, spacing), np.arange(count) / 20, warnings=("Of the loop.",))


def test_a_batch_answers_as_single_passes_do(bundle):
    cases = [Case(make_frame(index), mass(40 + index, 60 - 3 * index)) for index in range(5)]
    for case, output in zip(cases, class_activation_maps(bundle, cases), strict=True):
        single = class_activation_map(bundle, case)
        assert output.field == single.field and output.bias == single.bias
        assert output.logit == pytest.approx(single.logit, abs=1e-5)
        np.testing.assert_allclose(output.cells, single.cells, atol=1e-5)
        assert output.cells.mean() + output.bias == pytest.approx(output.logit, abs=1e-4)


@pytest.mark.parametrize("batch", [1, 3, 100])
def test_every_frame_is_explained_as_a_single_frame_is(bundle, batch):
    """With masks that move, that are held, and that are drawn."""
    cine = make_cine(9)
    track = MassTrack([(2, mass()), (6, mass(46, 50))], propagate=True)
    seen = []
    result = analyze_cine(cine, track, bundle, Settings(), batch=batch, each=seen.append)
    assert [frame.entry for frame in seen] == list(result.frames)
    assert [frame.mask_origin for frame in result.frames] == [
        *["held"] * 2, "annotated", *["interpolated"] * 3, "annotated", *["held"] * 2,
    ]  # fmt: skip
    for frame in seen:
        index = frame.entry.index
        single = analyze(Case(cine.read(index), track.at(index).mask), bundle)
        np.testing.assert_array_equal(frame.explanation.labels, single.labels)
        np.testing.assert_allclose(frame.explanation.saliency, single.saliency, atol=1e-5)
        entry = frame.entry.result
        assert entry.logit == pytest.approx(single.result.logit, abs=1e-5)
        assert entry.contributions == pytest.approx(single.result.contributions, abs=1e-5)
        assert sum(entry.contributions.values()) + entry.bias == pytest.approx(entry.logit, abs=1e-4)
        for name in ("area_fraction", "field", "spacing_mm", "warnings", "hits", "decision", "mask", "model"):
            assert getattr(entry, name) == getattr(single.result, name), name
        for which, point in single.result.extremes.items():
            found = entry.extremes[which]
            assert (found.row, found.column, found.region) == (point.row, point.column, point.region)


def test_the_summary_is_that_of_the_frames(bundle):
    result = analyze_cine(make_cine(8), MassTrack([(0, mass())], propagate=True), bundle)
    logits = np.array([frame.result.logit for frame in result.frames])
    assert result.median_logit == pytest.approx(np.median(logits))
    assert result.median_probability == pytest.approx(1 / (1 + math.exp(-np.median(logits) / 1.3)))
    threshold_logit = 1.3 * math.log(0.4 / 0.6)
    assert result.strongest == np.argmax(np.abs(logits - threshold_logit))
    words = [frame.result.decision for frame in result.frames]
    assert result.shares == {word: words.count(word) / 8 for word in ("malignant", "benign", "suspended")}
    hits = np.mean([frame.result.hits["any"] for frame in result.frames])
    assert result.hit_shares["any"] == hits
    if hits < 0.5:
        assert (result.decision, result.rule) == ("suspended", "pointing-game")
    else:
        assert result.decision == ("malignant" if result.median_probability >= 0.4 else "benign")
    assert result.warnings[0] == "Of the loop." and "Seen on all." in result.warnings
    assert "On 4 of 8 frames: Odd." in result.warnings
    summary = result.to_dict()
    assert summary["curve"]["time_s"] == pytest.approx(np.arange(8) / 20)
    assert summary["curve"]["probability"] == [frame.result.probability for frame in result.frames]
    assert summary["strongest"]["frame"] == result.strongest + 1 and summary["mask_origins"] == {
        "annotated": 1,
        "held": 7,
    }


def test_frames_without_a_mask_and_damaged_frames_are_left_out_and_listed(bundle):
    def read(index):
        if index == 4:
            raise InputError("Frame 5 is damaged.")
        return make_frame(index)

    result = analyze_cine(Cine(8, read), [(index, mass()) for index in (1, 4, 6)], bundle)
    assert [frame.index for frame in result.frames] == [1, 6]
    assert result.skipped == {"without a mask": (0, 2, 3, 5, 7), "unreadable": (4,)}
    assert all(frame.time_s is None for frame in result.frames)
    assert result.to_dict()["skipped"]["unreadable"] == [5]


def test_a_mass_that_leaves_the_scan_area_is_left_out(bundle):
    area = np.ones(SHAPE, bool)
    area[:, 90:] = False
    cine = Cine(5, lambda index: Frame(make_frame(index).pixels, SPACING, scan_area=area))
    track = MassTrack([(0, mass()), (2, mass(40, 70)), (4, mass(45, 112) & ~area)], propagate=True)
    result = analyze_cine(cine, track, bundle)
    assert result.skipped == {"with the mass outside the scan area": (4,)}
    assert [frame.index for frame in result.frames] == [0, 1, 2, 3]


def test_chosen_frames_only(bundle):
    result = analyze_cine(make_cine(9), MassTrack([(0, mass())], True), bundle, frames=range(1, 9, 3))
    assert [frame.index for frame in result.frames] == [1, 4, 7] and result.skipped == {}


def test_a_zoom_within_the_loop_is_measured_frame_by_frame(bundle):
    other = Spacing(0.15, 0.125, Provenance.DICOM_REGION)
    cine = Cine(4, lambda index: make_frame(index, SPACING if index < 2 else other))
    result = analyze_cine(cine, MassTrack([(0, mass())], True), bundle)
    areas = [frame.result.area_fraction["peritumoral"] for frame in result.frames]
    assert areas[0] == areas[1] < areas[2] == areas[3]
    assert any("pixel size changes" in text for text in result.warnings)


def test_bad_input_is_refused_in_a_sentence(bundle):
    with pytest.raises(InputError, match="mask for frame 9, but the loop has 4 frames"):
        analyze_cine(make_cine(4), [(8, mass())], bundle)
    with pytest.raises(SpacingError, match="pixel size"):
        analyze_cine(make_cine(4, Spacing.unknown()), [(0, mass())], bundle)
    with pytest.raises(InputError, match=r"Frame 1: .*does not fit"):
        analyze_cine(make_cine(4), [(0, mass()[1:])], bundle)
    with pytest.raises(InputError, match="None of the chosen frames"):
        analyze_cine(make_cine(4), [(0, mass())], bundle, frames=[2, 3])
    assert analyze_cine(make_cine(1, Spacing.unknown()), [(0, mass())], bundle, Settings(ring_mm=0)).frames


def test_work_stops_where_progress_says_so(bundle):
    class Stop(Exception):
        pass

    read = []

    def progress(done, total, what):
        assert total == 20
        if done == 7:
            raise Stop

    cine = Cine(20, lambda index: read.append(index) or make_frame(index))
    with pytest.raises(Stop):
        analyze_cine(cine, MassTrack([(0, mass())], True), bundle, batch=4, progress=progress)
    assert read == list(range(7))


def test_images_are_not_kept(bundle):
    def peak(count):
        tracemalloc.start()
        analyze_cine(make_cine(count), MassTrack([(0, mass())], True), bundle, batch=4)
        memory = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        return memory

    peak(4)
    assert peak(60) < peak(12) + 48 * SHAPE[0] * SHAPE[1]  # a byte a pixel would be a label image


def test_files_hold_every_frame(bundle, tmp_path):
    import SimpleITK

    seen = []
    with CineWriter(tmp_path) as writer:

        def keep(frame):
            writer.add(frame)
            seen.append(frame)

        result = analyze_cine(make_cine(5), [(0, mass()), (3, mass(50, 70))], bundle, each=keep)
    saliency = np.stack([frame.explanation.saliency for frame in seen])
    labels = np.stack([frame.explanation.labels for frame in seen])
    np.testing.assert_array_equal(map_stream(tmp_path / "saliency.nrrd"), saliency)
    for name, expected in (("saliency", saliency), ("regions", labels)):
        image = SimpleITK.ReadImage(tmp_path / f"{name}.nrrd")
        np.testing.assert_array_equal(SimpleITK.GetArrayFromImage(image), expected)
        assert image.GetSpacing() == pytest.approx((0.25, 0.3, 1)) and image.GetOrigin() == (0, 0, 0)
    lines = frames_csv(result).splitlines()
    assert len(lines) == 3 and lines[0].startswith("frame,time_s,mask_origin,annotated_frames,logit,probability")
    assert lines[2].startswith("4,0.15,annotated,4,")
    write_curve(tmp_path / "curve.png", result)
    first = (tmp_path / "curve.png").read_bytes()
    write_curve(tmp_path / "curve.png", result)
    assert (tmp_path / "curve.png").read_bytes() == first
