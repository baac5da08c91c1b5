"""A network in whole numbers of eight bits, scaled by what it sees of real images."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

from mammoscope.models.card import NETWORK_FILE


class _Images(CalibrationDataReader):  # type: ignore[misc]
    """Prepared images one by one, as a network takes them."""

    def __init__(self, pixels: NDArray[np.uint8]) -> None:
        self.left: Iterator[NDArray[np.uint8]] = iter(pixels)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        """The next image by the name of the network's input; None after the last."""
        one = next(self.left, None)
        if one is None:
            return None
        return {"pixels": one[None, None].astype(np.float32) / np.float32(255)}


def quantised(network: bytes, pixels: NDArray[np.uint8]) -> bytes:
    """The network with signed weights by channel and unsigned activations by tensor, in int8.

    Between its layers stand QuantizeLinear and DequantizeLinear, which both runtimes of the
    product turn into integer arithmetic. A tensor's scale spans all values that the images gave.

    Args:
        network: ONNX as `mammoscope.train.export.to_onnx` makes it.
        pixels: (n, height, width) uint8 prepared images that the network learned from, n > 0.
    """
    with tempfile.TemporaryDirectory() as folder:
        given, shaped, made = (Path(folder) / f"{step}-{NETWORK_FILE}" for step in range(3))
        given.write_bytes(network)
        # The exporter has folded what can be folded; shapes alone are wanted.
        quant_pre_process(given, shaped, skip_optimization=True, skip_symbolic_shape=True)
        quantize_static(
            shaped,
            made,
            _Images(pixels),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return made.read_bytes()
