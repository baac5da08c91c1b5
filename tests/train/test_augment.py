from __future__ import annotations

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

torch = pytest.importorskip("torch")

from torchvision import tv_tensors  # noqa: E402

from mammoscope.train.augment import augmentation  # noqa: E402
from mammoscope.train.config import Augment  # noqa: E402

NOTHING = {
    "flip_vertical": False, "degrees": 0.0, "translate": 0.0, "scale": (1.0, 1.0), "shear": 0.0,
    "gamma": 0.0, "brightness": 0.0, "contrast": 0.0,
}  # fmt: skip


def changed(
    picture: NDArray[np.uint8], seed: int = 0, **settings: object
) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
    """A picture, and the same as marks, under NOTHING but these settings."""
    torch.manual_seed(seed)
    transform = augmentation(Augment(**(NOTHING | settings)))  # type: ignore[arg-type]
    plane = torch.from_numpy(picture)[None]
    pixels, marks = transform(tv_tensors.Image(plane), tv_tensors.Mask(plane.clone()))
    return pixels[0].numpy(), marks[0].numpy()


@pytest.fixture
def picture() -> NDArray[np.uint8]:
    return np.random.default_rng(0).integers(0, 255, (48, 64), dtype=np.uint8)


def test_nothing_wanted_changes_nothing(picture: NDArray[np.uint8]) -> None:
    pixels, marks = changed(picture)
    assert (pixels * 255).round() == pytest.approx(picture)
    assert (marks == picture).all()


def test_marks_move_with_the_picture(picture: NDArray[np.uint8]) -> None:
    pixels, marks = changed(picture, degrees=40.0, translate=0.2, scale=(0.7, 1.3), shear=10.0)
    # Marks are codes: each is one of the picture's own, from within a pixel of where it was.
    assert set(np.unique(marks)) <= {0, *np.unique(picture)}
    smooth = cv2.blur((pixels * 255).astype(np.float32), (9, 9))
    assert np.corrcoef(smooth.ravel(), cv2.blur(marks, (9, 9)).ravel())[0, 1] > 0.95
    assert not (marks == picture).all()


def test_grey_levels_change_and_marks_do_not(picture: NDArray[np.uint8]) -> None:
    pixels, marks = changed(picture, gamma=0.5, brightness=0.2, contrast=0.2)
    assert (marks == picture).all()
    assert np.abs(pixels - picture / 255).max() > 0.02
    assert pixels.min() >= 0
    assert pixels.max() <= 1


@pytest.mark.parametrize(("name", "axis"), [("flip_horizontal", 1), ("flip_vertical", 0)])
def test_a_flip_is_a_mirror_image_half_of_the_time(
    picture: NDArray[np.uint8], name: str, axis: int
) -> None:
    mirrored = np.flip(picture, axis)
    seen = [changed(picture, seed, **{name: True})[1] for seed in range(40)]
    flipped = [bool((marks == mirrored).all()) for marks in seen]
    same = [bool((marks == picture).all()) for marks in seen]
    assert all(one != other for one, other in zip(flipped, same, strict=True))
    assert 8 <= sum(flipped) <= 32


def test_a_shift_stays_within_its_share() -> None:
    point = np.zeros((65, 65), np.uint8)
    point[31:34, 31:34] = 255
    for seed in range(20):
        marks = changed(point, seed, translate=0.25)[1].astype(float)
        y, x = np.mgrid[:65, :65]
        centre = np.array([(marks * y).sum(), (marks * x).sum()]) / marks.sum()
        assert np.abs(centre - 32).max() <= 0.25 * 65 + 0.5


def test_the_same_seed_gives_the_same_picture(picture: NDArray[np.uint8]) -> None:
    one, other = (changed(picture, 7, degrees=30.0, gamma=0.3)[0] for _ in range(2))
    assert (one == other).all()
