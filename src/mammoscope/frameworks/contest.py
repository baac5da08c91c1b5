"""Which frameworks there are, and each measured in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from mammoscope.errors import ConfigError
from mammoscope.frameworks.case import Case

_SHOWN = 300
"""Of a reason, so many characters."""


@dataclass(frozen=True)
class Framework:
    """One competitor.

    Attributes:
        name: as it is asked for.
        title: as people call it.
        kind: which runner.
        backend: of Keras; "" for native PyTorch.
        precision: that it computes in.
    """

    name: str
    title: str
    kind: Literal["native", "keras"]
    backend: str
    precision: Literal["fp32", "bf16", "fp64"] = "fp32"


REFERENCE = "pytorch"
_PLAIN = (
    Framework(REFERENCE, "PyTorch", "native", ""),
    Framework("keras-tensorflow", "Keras on TensorFlow", "keras", "tensorflow"),
    Framework("keras-jax", "Keras on JAX", "keras", "jax"),
    Framework("keras-torch", "Keras on PyTorch", "keras", "torch"),
)
FRAMEWORKS = {one.name: one for one in _PLAIN} | {
    f"{one.name}-bf16": Framework(
        f"{one.name}-bf16", f"{one.title} bf16", one.kind, one.backend, "bf16"
    )
    for one in _PLAIN
}
FRAMEWORKS["pytorch-fp64"] = Framework("pytorch-fp64", "PyTorch fp64", "native", "", "fp64")
USUAL = (REFERENCE, f"{REFERENCE}-bf16", "keras-tensorflow", "keras-jax", "keras-torch")


def chosen(names: tuple[str, ...]) -> list[Framework]:
    """Frameworks by their names; the usual ones if none is given.

    Raises:
        ConfigError: there is none of a name.
    """
    strange = [name for name in names if name not in FRAMEWORKS]
    if strange:
        raise ConfigError(
            f"--frameworks {strange[0]!r} is not known; give some of {', '.join(FRAMEWORKS)}."
        )
    return [FRAMEWORKS[name] for name in dict.fromkeys(names or USUAL)]


def contest(framework: Framework, case: Case, folder: Path) -> dict[str, Any]:
    """Measure a framework in a process of its own.

    Args:
        framework: the competitor.
        case: what is measured.
        folder: holds the case.

    Returns:
        What `clock.measured` found, with "failed" "" or, instead of all else, why it could not be.
    """
    words = [sys.executable, "-m", "mammoscope.frameworks", str(folder)]
    words += [framework.kind, framework.precision, str(time.time())]
    done = subprocess.run(
        words, env=_environment(framework, case), capture_output=True, text=True, check=False
    )
    if done.returncode:
        return {"failed": _why(done)}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {"failed": ""} | found


def _environment(framework: Framework, case: Case) -> dict[str, str]:
    """Of the process: the backend, its device, and none of its chatter."""
    made = {
        "KERAS_BACKEND": framework.backend or "torch",
        "KERAS_TORCH_DEVICE": case.device,
        "TF_CPP_MIN_LOG_LEVEL": "3",
        # JAX and TensorFlow would take most of the GPU's memory, needed or not.
        "XLA_PYTHON_CLIENT_PREALLOCATE": "false",
        "TF_FORCE_GPU_ALLOW_GROWTH": "true",
    }
    if case.device == "cpu":
        made |= {"CUDA_VISIBLE_DEVICES": "", "JAX_PLATFORMS": "cpu"}
    return dict(os.environ) | made


def _why(done: subprocess.CompletedProcess[str]) -> str:
    """A failed process' last line, which is its error."""
    if done.returncode < 0:
        return f"its process was ended by signal {-done.returncode}, perhaps for want of memory"
    lines = [line.strip() for line in done.stderr.splitlines() if line.strip()]
    return lines[-1][:_SHOWN] if lines else f"its process ended with code {done.returncode}"
