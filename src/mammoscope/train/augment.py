"""What may differ between two pictures of the same thing: geometry and grey levels, by recipe.

Geometry and grey levels are each done in one pass, by OpenCV and by a table of 256 values: a
chain of torchvision's own steps takes ten times as long, and loading shall cost training nothing.
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torchvision import tv_tensors
from torchvision.transforms import v2

from mammoscope.train.config import Augment


def augmentation(settings: Augment) -> v2.Transform:
    """Random changes of a picture, and of the marks in it along with it.

    Geometry: mirroring, position, size, compression (shear). Grey levels: the vendor's curve
    (gamma), exposure, contrast. What is turned in from outside is black and unmarked.

    Args:
        settings: of the recipe; what is 0 or false does not happen.

    Returns:
        A transform of one tv_tensors.Image (1, h, w) uint8, or of that and a tv_tensors.Mask of
        the same height and width: to float in [0, 1], and the mask moved with it.
    """
    return v2.Compose([RandomPlace(settings), RandomGrey(settings)])


class RandomPlace(v2.Transform):  # type: ignore[misc]
    """Mirror, turn, shear, scale and shift pictures and marks alike, about the centre."""

    def __init__(self, settings: Augment) -> None:
        super().__init__()
        self.settings = settings

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw one (2, 3) map of picture onto picture for all that is changed together."""
        height, width = flat_inputs[0].shape[-2:]
        one = self.settings
        turn, lean_x, lean_y = (math.radians(_even(a)) for a in (one.degrees, one.shear, one.shear))
        size = float(torch.empty(1).uniform_(*one.scale))
        linear = size * _rotation(turn) @ np.array([[1, math.tan(lean_x)], [math.tan(lean_y), 1]])
        linear = linear * [_mirror(one.flip_horizontal), _mirror(one.flip_vertical)]
        # OpenCV's coordinates have their origin at the centre of the first pixel.
        centre = np.array([(width - 1) / 2, (height - 1) / 2])
        shift = np.array([_even(one.translate) * width, _even(one.translate) * height])
        return {"matrix": np.column_stack([linear, centre + shift - linear @ centre])}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Move a picture, linear between pixels, or marks, which are codes and stay such."""
        if not isinstance(inpt, tv_tensors.Image | tv_tensors.Mask):
            return inpt
        plane = inpt[0].numpy()
        between = cv2.INTER_NEAREST if isinstance(inpt, tv_tensors.Mask) else cv2.INTER_LINEAR
        moved = cv2.warpAffine(plane, params["matrix"], plane.shape[::-1], flags=between)
        return tv_tensors.wrap(torch.from_numpy(moved)[None], like=inpt)


class RandomGrey(v2.Transform):  # type: ignore[misc]
    """Grey levels to float in [0, 1] through a random curve: gamma, brightness, then contrast."""

    def __init__(self, settings: Augment) -> None:
        super().__init__()
        self.settings = settings

    def make_params(self, flat_inputs: list[Any]) -> dict[str, Any]:
        """Draw the value of each of the 256 grey levels."""
        one = self.settings
        levels = np.linspace(0, 1, 256) ** math.exp(_even(one.gamma))
        levels = np.clip(levels * (1 + _even(one.brightness)), 0, 1)
        counts = cv2.calcHist([flat_inputs[0][0].numpy()], [0], None, [256], [0, 256]).ravel()
        mean = levels @ counts / counts.sum()
        levels = np.clip(mean + (levels - mean) * (1 + _even(one.contrast)), 0, 1)
        return {"levels": levels.astype(np.float32)}

    def transform(self, inpt: Any, params: dict[str, Any]) -> Any:
        """Change pictures; marks stay."""
        if not isinstance(inpt, tv_tensors.Image):
            return inpt
        changed: NDArray[np.float32] = cv2.LUT(inpt[0].numpy(), params["levels"])
        return tv_tensors.wrap(torch.from_numpy(changed)[None], like=inpt)


def _even(spread: float) -> float:
    """A number even within +-`spread`."""
    return float(torch.empty(1).uniform_(-spread, spread)) if spread else 0.0


def _mirror(wanted: bool) -> int:
    return -1 if wanted and bool(torch.rand(1) < 0.5) else 1


def _rotation(angle: float) -> NDArray[np.float64]:
    return np.array(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]], np.float64
    )
