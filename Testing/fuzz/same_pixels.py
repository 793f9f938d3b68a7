"""The same pixels in another dress: a frame and its mask, of random size, in random containers and orientations.

What must come out is known from what was written, so a different number is a finding.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import numpy as np

from BreastMassXAILib.readers.cines import open_frames
from BreastMassXAILib.readers.frames import read_frame_and_mask
from BreastMassXAILib.readers.masks import read_masks


def _containers() -> ModuleType:
    """The writers of the test of equality."""
    path = Path(__file__).parents[1] / "readers" / "test_equality.py"
    if "test_equality" not in sys.modules:
        spec = importlib.util.spec_from_file_location("test_equality", path)
        assert spec is not None and spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules["test_equality"] = module
        spec.loader.exec_module(module)
    return sys.modules["test_equality"]


def compare(rng: np.random.Generator, folder: Path) -> str:
    """Write and read one case; what came out differently, or ""."""
    return _frame_and_mask(rng, folder) if rng.random() < 0.5 else _loop_and_masks(rng, folder)


def _random(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    shape = tuple(int(side) for side in rng.integers(32, 90, 2))
    grey = rng.integers(0, 256, shape).astype(np.uint8)
    grey[0, 0], grey[-1, -1] = 0, 255
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    centre = shape[0] * rng.uniform(0.35, 0.65), shape[1] * rng.uniform(0.35, 0.65)
    radii = shape[0] * rng.uniform(0.15, 0.3), shape[1] * rng.uniform(0.15, 0.3)
    mask = ((rows - centre[0]) / radii[0]) ** 2 + ((columns - centre[1]) / radii[1]) ** 2 <= 1
    return grey, mask


def _frame_and_mask(rng: np.random.Generator, folder: Path) -> str:
    forms = _containers()
    grey, mask = _random(rng)
    plain = [key for key in forms.FRAMES if key.split()[-1] not in forms.PLANES and "nifti" not in key]
    container, key = str(rng.choice(plain)), str(rng.choice(list(forms.MASKS)))
    if container.startswith("plus"):
        container = "plus far"
    (name, write), (mask_name, write_mask) = forms.FRAMES[container], forms.MASKS[key]
    write(folder / name, grey)
    write_mask(folder / mask_name, mask.astype(np.uint8))
    frame, mass, _ = read_frame_and_mask(folder / name, folder / mask_name)
    if frame.shape != grey.shape or np.abs(frame.pixels - grey).max() > 1e-3:
        return f"the frame as {container} has other pixels"
    if (mass != mask).any():
        return f"the mask as {key} on a frame as {container} has other pixels"
    return ""


def _loop_and_masks(rng: np.random.Generator, folder: Path) -> str:
    forms = _containers()
    grey, mask = _random(rng)
    count = int(rng.integers(2, 7))
    loop = np.stack([np.roll(grey, 3 * k, axis=1) for k in range(count)])
    masks = np.stack([np.roll(mask, 2 * k, axis=1) for k in range(count)])
    masks[int(rng.integers(count))] = False
    plane, suffix = str(rng.choice(list(forms.PLANES))), str(rng.choice(["nrrd", "mha", "nii", "nii.gz"]))
    flips = tuple(int(axis) for axis in np.flatnonzero(rng.random(3) < 0.5))
    order = tuple(int(axis) for axis in rng.permutation(3))
    forms.volume(folder / "loop.nrrd", loop, forms.PLANES[plane], forms.ORIGIN)
    path = folder / f"masks.{suffix}"
    if rng.random() < 0.5:  # a box around the mass, whose place only the header tells
        box = [np.flatnonzero(masks.any(axis=tuple({0, 1, 2} - {axis}))) for axis in range(3)]
        starts, stops = [int(found[0]) for found in box], [int(found[-1]) + 1 for found in box]
        starts = [max(start - int(rng.integers(0, 3)), 0) for start in starts]
        part = masks[starts[0] : stops[0], starts[1] : stops[1], starts[2] : stops[2]]
        steps = np.array([forms.SLICE_MM, forms.ROW_MM, forms.COLUMN_MM])
        origin = forms.ORIGIN + forms.PLANES[plane][:, ::-1] @ (steps * starts)
        forms.turned(path, part.astype(np.uint8), forms.PLANES[plane], origin, flips, order)
    else:
        forms.turned(path, masks.astype(np.uint8), forms.PLANES[plane], forms.ORIGIN, flips, order)
    cine, onto = open_frames(folder / "loop.nrrd")
    found = read_masks(path, onto.at(0, cine.read(0))).found
    whole = np.zeros_like(masks)
    for index, pixels in found.items():
        whole[index] = pixels
    if (whole != masks).any():
        return f"masks as {suffix}, {plane}, flips {flips}, order {order} have other pixels"
    return ""
