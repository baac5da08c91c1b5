"""The most memory that this process, or its GPU, held from some moment on.

Source: Linux, proc(5): VmHWM of /proc/PID/status, and 5 written to /proc/PID/clear_refs.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # whoever measures the product's runtime must not load it
    import torch

_STATUS, _FORGET = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def resident_peak_mib() -> float | None:
    """The highest resident memory of this program, in MiB; None where the system does not tell.

    getrusage would count what its parent was when it started it.
    """
    try:
        lines = _STATUS.read_text(encoding="ascii").splitlines()
    except OSError:
        return None
    kib = next((line.split()[1] for line in lines if line.startswith("VmHWM:")), None)
    return None if kib is None else int(kib) / 1024


def peak_from_now(device: torch.device) -> Callable[[], float | None]:
    """Begin to measure.

    Args:
        device: that is computed on.

    Returns:
        What tells the highest value since, in MiB: on a GPU of its tensors, else of the memory
        that the process held, mapped files with it, without its child processes. It gives None
        where the system does not let a new measurement begin, as the old peak may be another's.
    """
    if device.type == "cuda":
        from torch import cuda

        cuda.reset_peak_memory_stats(device)
        return lambda: cuda.max_memory_allocated(device) / 2**20
    try:
        _FORGET.write_text("5", encoding="ascii")
    except OSError:
        return lambda: None
    return resident_peak_mib
