"""BUSI's layout, and duplicates planted in it."""

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from BreastMassXAILib.cohorts.cases import read_case
from BreastMassXAILib.cohorts.datasets import read_dataset
from BreastMassXAILib.cohorts.duplicates import Fingerprint, find_duplicates
from BreastMassXAILib.core.errors import InputError


def picture(seed, shape=(180, 240)):
    """Speckle with structures of several sizes under a gain that all pictures share."""
    generator = np.random.default_rng(seed)
    layers = sum(gaussian_filter(generator.normal(size=shape), size) * size for size in (1, 3, 8, 20))
    shade = np.linspace(1.5, 0.5, shape[0])[:, None]
    return Image.fromarray(np.clip(90 * shade + 40 * layers, 0, 255).astype(np.uint8))


def blob(size):
    mask = np.zeros(size[::-1], np.uint8)
    mask[size[1] // 3 : size[1] // 2, size[0] // 3 : size[0] // 2] = 255
    return Image.fromarray(mask)


def put(folder, name, image, suffix=".png", **options):
    folder.mkdir(exist_ok=True)
    image.save(folder / f"{name}{suffix}", **options)
    blob(image.size).save(folder / f"{name}_mask.png")


@pytest.fixture
def busi(tmp_path):
    for k in range(1, 13):
        put(tmp_path / "benign", f"benign ({k})", picture(k))
    for k in range(1, 7):
        put(tmp_path / "malignant", f"malignant ({k})", picture(100 + k))
    put(tmp_path / "normal", "normal (1)", picture(200))
    second = np.zeros((180, 240), np.uint8)
    second[100:110, 200:220] = 255
    Image.fromarray(second).save(tmp_path / "benign" / "benign (2)_mask_1.png")
    return tmp_path


def groups(data):
    members = {}
    for record in data.records:
        members.setdefault(record.patient, []).append(record.identifier)
    return sorted(sorted(entry) for entry in members.values() if len(entry) > 1)


def test_cases_of_both_classes_in_natural_order(busi):
    data = read_dataset(busi)
    names = [record.identifier for record in data.records]
    assert names[:3] == ["benign/benign (1)", "benign/benign (2)", "benign/benign (3)"]
    assert len(names) == 18 and not groups(data) and not data.notes
    assert {record.label for record in data.records} == {"benign", "malignant"}
    assert [entry.identifier for entry in data.skipped] == ["normal/normal (1)"]
    assert "no mass" in data.skipped[0].reason
    assert read_case(data.records[1]).mass[105, 210], "the second mask belongs to the mass"


def test_planted_duplicates_are_grouped(busi):
    benign, source = busi / "benign", picture(1)
    put(benign, "benign (13)", source)
    put(benign, "benign (14)", source.resize((131, 160)))
    put(benign, "benign (15)", picture(3).transpose(Image.Transpose.FLIP_LEFT_RIGHT))
    put(benign, "benign (16)", picture(5), ".jpg", quality=50)
    put(benign, "benign (17)", picture(7).transpose(Image.Transpose.FLIP_TOP_BOTTOM).resize((300, 200)))
    data = read_dataset(busi)
    assert groups(data) == sorted(
        sorted(f"benign/benign ({k})" for k in group) for group in ((1, 13, 14), (3, 15), (5, 16), (7, 17))
    )
    assert data.notes == (
        "9 pictures are in 4 groups of duplicates (1 exact pairs, 5 resized, mirrored or compressed): "
        "each group counts as one patient.",
    )


def test_conflicting_labels_leave_all_copies_out(busi):
    put(busi / "malignant", "malignant (7)", picture(4).resize((200, 150)))
    data = read_dataset(busi)
    reasons = {entry.identifier: entry.reason for entry in data.skipped}
    assert reasons["benign/benign (4)"] == "The same picture is benign here and malignant as malignant/malignant (7)."
    assert "malignant/malignant (7)" in reasons
    assert len(data.records) + len(data.skipped) == 20


def test_missing_masks_and_images_are_listed(busi):
    (busi / "benign" / "benign (3)_mask.png").unlink()
    (busi / "benign" / "benign (4).png").unlink()
    reasons = {entry.identifier: entry.reason for entry in read_dataset(busi).skipped}
    assert "mask benign (3)_mask.png is missing" in reasons["benign/benign (3)"]
    assert "no image" in reasons["benign/benign (4)"]


def test_a_picture_that_does_not_decode_stays_for_its_reader_to_refuse(busi):
    (busi / "benign" / "benign (5).png").write_bytes(b"\x89PNG\r\n\x1a\nbroken")
    assert len(read_dataset(busi).records) == 18


def test_an_unknown_class_is_refused(busi):
    put(busi / "cyst", "cyst (1)", picture(300))
    with pytest.raises(InputError, match="'cyst' is unknown"):
        read_dataset(busi)


def test_no_dataset(tmp_path):
    with pytest.raises(InputError, match="no data set that is known"):
        read_dataset(tmp_path)
    with pytest.raises(InputError, match="There is no data set"):
        read_dataset(tmp_path / "none")


def test_noise_of_many_pictures_finds_no_pairs():
    prints = [Fingerprint(np.asarray(picture(seed), np.float32), str(seed)) for seed in range(60)]
    assert find_duplicates(prints) == []
