"""What one image costs under the product's runtime, measured in a process that does nothing else.

    python -m mammoscope.train.timing network.onnx pixels.npy OUTPUT ...

prints JSON. It imports no training code, so that its memory is that of a reader.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mammoscope.infer.engine import load_engine
from mammoscope.machine import cores
from mammoscope.train.memory import resident_peak_mib

WARM_UP, LEAST, MOST = 3, 5, 50
"""Images judged before the clock runs, and the fewest and most that it runs for."""
ENOUGH_S = 5.0


def timed(network: bytes, pixels: Path, outputs: Sequence[str]) -> dict[str, Any]:
    """Judge images one by one.

    Args:
        network: ONNX.
        pixels: a .npy file of (n, height, width) uint8 prepared images.
        outputs: names of the network's outputs.

    Returns:
        "ms" (median per image), "images" timed, "peak_mib" (the process's highest resident
        memory, None where the system does not tell), "runtime" and "cores".
    """
    images = np.load(pixels)
    engine = load_engine(network, outputs=outputs)
    taken: list[float] = []
    for number in range(-WARM_UP, MOST):
        began = time.perf_counter()
        engine.arrays(images[[number % len(images)]])
        if number >= 0:
            taken.append(time.perf_counter() - began)
        if number >= LEAST and sum(taken) > ENOUGH_S:
            break
    return {
        "ms": 1000 * float(np.median(taken)),
        "images": len(taken),
        "peak_mib": resident_peak_mib(),
        "runtime": engine.runtime,
        "cores": cores(),
    }


def main() -> None:
    """Command line; see the module's text."""
    network, pixels, *outputs = sys.argv[1:]
    print(json.dumps(timed(Path(network).read_bytes(), Path(pixels), outputs)))


if __name__ == "__main__":
    main()
