"""Pictures that are no mammograms, or unusual ones, for out_of_distribution.py: drawn or found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from read_everything import photographs, text_pages

Grey = NDArray[np.uint8]
Named = Iterator[tuple[str, Grey]]
Draw = Callable[[np.random.Generator], NDArray[np.floating]]


def drawn(draw: Draw, every: int = 1, count: int = 100) -> Named:
    """One in `every` of `count` pictures of one kind, each from its own seed."""
    for seed in range(0, count, every):
        picture = draw(np.random.default_rng(seed))
        yield f"{seed}", np.clip(picture, 0, 255).astype(np.uint8)


def grid(height: int, width: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Rows and columns of a picture, both from -1 to 1."""
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    return y, x


def mottle(rng: np.random.Generator, shape: tuple[int, int], power: float) -> NDArray[np.floating]:
    """Noise of variance 1 whose amplitude falls with frequency to `power`."""
    fy, fx = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None, :]
    radius = np.maximum(np.hypot(fy, fx), 1 / max(shape))
    noise = np.fft.irfft2(np.fft.rfft2(rng.normal(size=shape)) / radius**power, shape)
    return noise / noise.std()


def scene(rng: np.random.Generator) -> NDArray[np.floating]:
    """Like a photograph: things with sharp outlines before each other, each with its own grey."""
    height, width = int(rng.integers(300, 700)), int(rng.integers(300, 700))
    picture = 120 + 40 * mottle(rng, (height, width), 1.2)
    for _ in range(int(rng.integers(8, 40))):
        centre = rng.uniform((0, 0), (width, height))
        corners = centre + rng.normal(0, rng.uniform(15, 120), (int(rng.integers(3, 7)), 2))
        hull = cv2.convexHull(corners.astype(np.int32))
        inside = cv2.fillConvexPoly(np.zeros((height, width), np.uint8), hull, 1) > 0
        texture = rng.uniform(2, 25) * mottle(rng, (height, width), rng.uniform(0.8, 1.5))
        picture = np.where(inside, rng.uniform(10, 240) + texture, picture)
    return picture


def chest(rng: np.random.Generator) -> NDArray[np.floating]:
    """Like a chest film: two dark lungs, spine, ribs, heart; shoulders and collimation vary."""
    y, x = grid(480, int(rng.integers(400, 520)))
    x = x - rng.uniform(-0.06, 0.06)
    picture = 190 - 60 * np.clip(np.abs(x) - rng.uniform(0.75, 0.95), 0, None) * 8
    for side in (-1, 1):
        lung = ((x - side * 0.42) / 0.3) ** 2 + ((y + 0.05) / 0.72) ** 2
        picture -= rng.uniform(90, 140) * np.exp(-(lung ** rng.uniform(2, 4)))
    heart = ((x - 0.15) / 0.33) ** 2 + ((y - 0.35) / 0.3) ** 2
    picture += 70 * np.exp(-(heart**3)) + 50 * np.exp(-((x / 0.07) ** 2))
    ribs = np.sin(rng.uniform(18, 24) * (y + 0.35 * x**2)) ** 8
    picture += 25 * ribs * (np.abs(x) > 0.12)
    return picture + 5 * mottle(rng, y.shape, 1.0)


def slice_of_head(rng: np.random.Generator) -> NDArray[np.floating]:
    """Like a slice by CT or MR: an ellipse with a bright rim, folds and ventricles, in air."""
    y, x = grid(384, 384)
    tilt = rng.uniform(-0.5, 0.5)
    u, v = np.cos(tilt) * x + np.sin(tilt) * y, np.cos(tilt) * y - np.sin(tilt) * x
    radius = np.sqrt((u / rng.uniform(0.5, 0.7)) ** 2 + (v / rng.uniform(0.65, 0.85)) ** 2)
    picture = np.where(radius < 1, 110 + 18 * mottle(rng, y.shape, 1.3), 2)
    picture[(radius > 0.9) & (radius < 1)] = rng.uniform(180, 250)
    for side in (-1, 1):
        picture[((u - side * 0.1) / 0.07) ** 2 + (v / 0.25) ** 2 < 1] = 40
    return picture + rng.normal(0, 2, y.shape)


def marker(rng: np.random.Generator) -> NDArray[np.floating]:
    """Air with noise, and a lead marker."""
    air = rng.normal(rng.uniform(1, 8), rng.uniform(0.2, 2), (800, 640))
    letters = np.zeros(air.shape, np.uint8)
    place = int(rng.integers(40, 440)), int(rng.integers(80, 760))
    text = str(rng.choice(["R CC", "L CC", "R MLO", "L MLO"]))
    cv2.putText(letters, text, place, 0, rng.uniform(1, 2), int(rng.integers(120, 250)), 4)
    return air + letters


def disc(rng: np.random.Generator) -> NDArray[np.floating]:
    """An even disc, as of a test object."""
    y, x = grid(512, 512)
    inside = (x - rng.uniform(-0.2, 0.2)) ** 2 + y**2 < rng.uniform(0.3, 0.8) ** 2
    noise = rng.normal(0, rng.uniform(0.5, 3), y.shape)
    return np.where(inside, rng.uniform(90, 230), 3) + noise


def step_wedge(rng: np.random.Generator) -> NDArray[np.floating]:
    """Steps of even grey from one side to the other."""
    steps = np.linspace(10, 245, int(rng.integers(5, 12)))
    picture = np.repeat(steps, 60)[None, :].repeat(500, 0)
    noise = rng.normal(0, rng.uniform(0.5, 3), picture.shape)
    return (picture if rng.random() < 0.5 else picture[:, ::-1]) + noise


def phantom(rng: np.random.Generator) -> NDArray[np.floating]:
    """An even half disc at one side with a few specks and rods, as of a quality test."""
    y, x = grid(640, 500)
    inside = ((x + 1) / rng.uniform(1.2, 1.7)) ** 2 + (y / rng.uniform(0.6, 0.9)) ** 2 < 1
    picture = np.where(inside, 150, 3).astype(np.uint8)
    for _ in range(8):
        cv2.circle(picture, (int(rng.integers(20, 250)), int(rng.integers(200, 440))), 6, 175, -1)
    return picture + rng.normal(0, rng.uniform(0.5, 3), y.shape)


DRAWN: Mapping[str, Draw] = {
    "drawn scenes": scene,
    "drawn chest films": chest,
    "drawn slices of a head": slice_of_head,
    "air with a lead marker": marker,
    "even discs": disc,
    "step wedges": step_wedge,
    "even half discs with specks": phantom,
    "white noise": lambda rng: rng.uniform(0, 255, (400, 300)),
}


def foreign_kinds(extra: Path | None, every: int) -> Iterator[tuple[str, Named]]:
    """Each kind of picture that is no mammogram; every folder in `extra` is one more."""
    yield "photographs of scikit-learn", islice(photographs().items(), None, None, every)
    yield "text pages", islice(text_pages().items(), None, None, every)
    for kind, draw in DRAWN.items():
        yield kind, drawn(draw, every)
    for folder in sorted(extra.iterdir()) if extra else ():
        yield folder.name, pictures_in(folder, every)


def pictures_in(folder: Path, every: int) -> Named:
    """One in `every` of a folder's pictures, in grey; masks (BUSI) are left out."""
    paths = [path for path in sorted(folder.rglob("*.*")) if "_mask" not in path.name]
    for path in paths[::every]:
        picture = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_GRAYSCALE)
        if picture is not None:
            yield path.name, np.asarray(picture, np.uint8)


def half_cut(pixels: Grey, side: str) -> Grey:
    """The half of the picture that is left when the one at `side` is cut away."""
    height, width = pixels.shape
    kept = {
        "left": np.s_[:, width // 2 :],
        "right": np.s_[:, : width // 2],
        "top": np.s_[height // 2 :],
        "bottom": np.s_[: height // 2],
    }[side]
    return np.ascontiguousarray(pixels[kept])
