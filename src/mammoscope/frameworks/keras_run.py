"""Keras 3 on the backend that KERAS_BACKEND names.

All that is Keras' own choice stays so: whether a step is compiled (on JAX always, on TensorFlow
where there is a GPU, on PyTorch never), and the order of a picture's axes.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from mammoscope.frameworks.case import CLIP, MOMENTUM, Given
from mammoscope.frameworks.keras_gpu import Gpu
from mammoscope.frameworks.keras_twins import carry, twin


class KerasContestant:
    """Keras with the case's network in it.

    Args:
        given: the case.
        precision: "fp32" or "bf16".

    Raises:
        ConfigError: no GPU where one is asked for.
        WeightsError: the twin is no twin.
    """

    def __init__(self, given: Given, precision: str) -> None:
        self.backend, self.outputs = keras.backend.backend(), given.case.logits
        self.gpu = Gpu(self.backend) if given.case.device == "cuda" else None
        if precision == "bf16":
            keras.config.set_dtype_policy("mixed_bfloat16")
        self.model = twin(given.case)
        carry(given.weights, self.model)
        losses: Any = keras.losses
        kind = losses.BinaryCrossentropy if self.outputs == 1 else losses.CategoricalCrossentropy
        self.model.compile(
            optimizer=keras.optimizers.SGD(given.case.rate, MOMENTUM, global_clipnorm=CLIP),
            loss=kind(from_logits=True),
        )

    def ready(
        self, pixels: NDArray[np.uint8], target: NDArray[np.int64]
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """(n, h, w, 1) in [0, 1], and classes (n, k) in shares or (n, 1)."""
        truth = target[:, None] if self.outputs == 1 else np.eye(self.outputs)[target]
        return pixels[..., None].astype(np.float32) / np.float32(255), truth.astype(np.float32)

    def logits(self, batch: Any) -> NDArray[np.floating]:
        """(n, k) in inference mode."""
        return np.asarray(self.model.predict_on_batch(batch[0]))

    def step(self, batch: Any) -> float:
        """Train on a batch; the loss before the step."""
        return float(self.model.train_on_batch(*batch, return_dict=True)["loss"])

    def peak_gpu_mib(self) -> float | None:
        """Of the backend's own allocator."""
        return None if self.gpu is None else self.gpu.peak_mib()

    def versions(self) -> Mapping[str, str]:
        """Of Keras and the backend."""
        return {name: version(name) for name in ("keras", self.backend)}
