"""Drawn pictures that the tests of io share: a breast, and what is none."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from mammoscope.types import Laterality


def breast(side: Laterality = "L", height: int = 320, width: int = 240) -> NDArray[np.uint8]:
    """A half ellipse of mottled tissue on black, chest wall at `side` of the picture."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32)
    inside = (x / (0.75 * width)) ** 2 + ((y - height / 2) / (0.42 * height)) ** 2
    rng = np.random.default_rng(0)
    mottle = cv2.GaussianBlur(rng.normal(0, 1, (height, width)), (0, 0), 4)
    tissue = 150 + 60 * mottle / np.abs(mottle).max() - 60 * inside
    picture = np.where(inside < 1, tissue, 3).astype(np.uint8)
    return picture if side == "L" else np.ascontiguousarray(picture[:, ::-1])


def text_page() -> NDArray[np.uint8]:
    """White lines of letters on black (a page, turned over)."""
    page = np.zeros((1000, 800), np.uint8)
    for y in range(60, 960, 30):
        cv2.putText(page, "The quick brown fox jumps over the lazy dog " * 2, (20, y), 0, 0.7, 255)
    return page


def chest_film() -> NDArray[np.uint8]:
    """Two dark lungs in a bright symmetric body."""
    y, x = np.mgrid[0:256, 0:220].astype(np.float32)
    body = 210.0 * np.clip(1.15 - 0.6 * ((x - 110) / 90) ** 4, 0, 1)
    for centre in (65, 155):
        lung = ((x - centre) / 28) ** 2 + ((y - 120) / 70) ** 2
        body -= 150 * np.exp(-(lung**2))
    noise = np.random.default_rng(0).normal(0, 3, body.shape)
    return np.clip(body + noise, 0, 255).astype(np.uint8)


def ultrasound() -> NDArray[np.uint8]:
    """Speckled horizontal layers that fade with depth."""
    rng = np.random.default_rng(0)
    speckle = cv2.GaussianBlur(rng.normal(0, 1, (240, 320)), (0, 0), sigmaX=5, sigmaY=1.2)
    depth = np.linspace(1, 0.15, 240)[:, None]
    layers = 1 + 0.6 * np.sin(np.linspace(0, 40, 240))[:, None]
    return np.clip(90 * depth * layers * (1 + speckle / speckle.std() / 2), 0, 255).astype(np.uint8)


def photograph() -> NDArray[np.uint8]:
    """Many small things with sharp outlines before each other."""
    rng = np.random.default_rng(0)
    picture = np.full((400, 500), 120, np.uint8)
    for _ in range(400):
        centre, radius = rng.integers((0, 0), (500, 400)), int(rng.integers(10, 30))
        cv2.circle(picture, tuple(map(int, centre)), radius, int(rng.integers(20, 240)), -1)
    noisy = cv2.GaussianBlur(picture, (0, 0), 1.0) + rng.normal(0, 4, picture.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)
