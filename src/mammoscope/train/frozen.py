"""What the frozen first stages make of the images: computed once, trained on by every fold.

The frozen stages never change, so their share of a step (the larger one, at full resolution) need
not be paid for every fold. Each epoch has its own augmented version of every image.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.progress import track

from mammoscope.models.networks import LesionMapNet
from mammoscope.train.dataset import TrainingSet

BATCH = 16


@torch.inference_mode()
def frozen_features(
    network: LesionMapNet, blocks: int, data: TrainingSet, seed: int, cache: Path
) -> NDArray[np.float16]:
    """Features of all images, augmented by `seed`; the second time from the folder `cache`.

    Args:
        network: its stem and first `blocks` stages are used, in eval mode.
        blocks: see LesionMapNet.early.
        data: n images.
        seed: of the augmentation; one an epoch.
        cache: where the array is kept as a file.

    Returns:
        (n, c, h, w), mapped from the file.
    """
    stem = torch.nn.ModuleList(network.frozen(blocks))
    weights = b"".join(value.numpy().tobytes() for value in stem.state_dict().values())
    key = hashlib.sha256(weights + data.pixels.tobytes() + str(seed).encode()).hexdigest()[:16]
    path = cache / f"frozen-{key}.npy"
    if not path.is_file():
        _compute(network, blocks, data, seed, path)
    features: NDArray[np.float16] = np.load(path, mmap_mode="r")
    return features


def _compute(network: LesionMapNet, blocks: int, data: TrainingSet, seed: int, path: Path) -> None:
    network.eval()
    torch.manual_seed(seed)
    partial, features = path.with_suffix(".partial"), None
    for start in track(range(0, len(data.pixels), BATCH), "frozen stages"):
        pictures = torch.from_numpy(data.pixels[start : start + BATCH])[:, None]
        pixels = torch.stack([data.augment(picture) for picture in pictures])
        made = network.early(pixels.contiguous(memory_format=torch.channels_last), blocks)
        if features is None:
            shape = (len(data.pixels), *made.shape[1:])
            features = np.lib.format.open_memmap(partial, "w+", np.float16, shape)
        features[start : start + BATCH] = made.numpy()
    if features is not None:
        features.flush()
    partial.replace(path)
