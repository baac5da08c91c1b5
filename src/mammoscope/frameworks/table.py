"""Runs to figures: medians and ranges over the repeats, ratios within a repeat."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

from mammoscope.frameworks.contest import REFERENCE, Framework

Run = Mapping[str, Any]

FIRST = 2
"""Steps in which everything is used once (forward, backward, update), and rounding is small yet."""
TOLERANCE = {"fp32": 1e-3, "fp64": 1e-3, "bf16": 0.25}
"""How far from native PyTorch's the first answers may lie, logits of about 1."""
TF32 = 0.05
"""Likewise on a GPU, where convolutions of 32 bits keep 10 of a number's 23."""

_FIGURES: dict[str, Callable[[Run], float | None]] = {
    "start_s": lambda run: run["start_s"],
    "first_step_s": lambda run: run["first_step_s"],
    "step_s": lambda run: _step(run),
    "single_ms": lambda run: run["single_ms"],
    "batch_ms": lambda run: run["batch_ms"],
    "peak_mib": lambda run: run["peak_mib"],
    "gpu_peak_mib": lambda run: run["gpu_peak_mib"],
    "final_loss": lambda run: run["final_loss"],
    "difference": lambda run: run["difference"],
}


def summary(
    runs: Sequence[Run],
    frameworks: Sequence[Framework],
    networks: Sequence[str],
    device: str = "cpu",
) -> dict[str, Any]:
    """The comparison.

    Args:
        runs: of `contest.contest`, with "network", "framework" and "repeat".
        frameworks: in the order they are shown.
        networks: likewise.
        device: that was computed on.

    Returns:
        "networks", each with its "rows", one a framework: its names, "failed" ("" or why), and if
        it did not fail the figures as {"value": median, "low": least, "high": most} over the
        repeats: "start_s", "first_step_s", "step_s", "single_ms", "batch_ms", "peak_mib",
        "gpu_peak_mib", "final_loss", "difference", "ratio" and "single_ratio" (of step and of
        picture to native PyTorch's in the same repeat), "first_losses_apart" and "losses_apart"
        (largest difference of a step's loss from native PyTorch's), "losses" and "versions".
        "runs" are the single measurements.
    """
    made = []
    for network in networks:
        mine = [run for run in runs if run["network"] == network]
        rows = [_row(framework, mine, device) for framework in frameworks]
        made.append({"network": network, "rows": rows})
    return {"networks": made, "runs": list(runs)}


def _row(framework: Framework, runs: Sequence[Run], device: str) -> dict[str, Any]:
    own = [run for run in runs if run["framework"] == framework.name]
    row = {"framework": framework.name, "title": framework.title}
    why = next((run["failed"] for run in own if run["failed"]), "") or _strange(
        framework, own, device
    )
    if why:
        return row | {"failed": why}
    beside = {
        run["repeat"]: run for run in runs if run["framework"] == REFERENCE and not run["failed"]
    }
    pairs = [(run, beside[run["repeat"]]) for run in own if run["repeat"] in beside]
    figures = {name: spread([of(run) for run in own]) for name, of in _FIGURES.items()}
    return row | {"failed": ""} | figures | _against(pairs) | {
        "losses": own[0]["losses"], "versions": own[0]["versions"],
    }  # fmt: skip


def _against(pairs: Sequence[tuple[Run, Run]]) -> dict[str, Any]:
    """Figures beside native PyTorch's of the same repeat."""
    apart = [
        [abs(a - b) for a, b in zip(one["losses"], other["losses"], strict=True)]
        for one, other in pairs
    ]
    return {
        "ratio": spread([_step(one) / _step(other) for one, other in pairs]),
        "single_ratio": spread([one["single_ms"] / other["single_ms"] for one, other in pairs]),
        "first_losses_apart": max((max(each[:FIRST]) for each in apart), default=None),
        "losses_apart": max((max(each) for each in apart), default=None),
    }


def _step(run: Run) -> float:
    return float(median(run["steps_s"]))


def _strange(framework: Framework, runs: Sequence[Run], device: str) -> str:
    """Why runs are of another network than the native one; "" if they are not."""
    most = max((run["difference"] for run in runs), default=0.0)
    allowed = max(TOLERANCE[framework.precision], TF32 if device == "cuda" else 0.0)
    if most <= allowed:
        return ""
    return (
        f"its first answers lie {most:.2g} from those of native PyTorch with the same weights, "
        f"more than {allowed:g}, so its times would be another network's"
    )


def spread(values: Sequence[float | None]) -> dict[str, float | None]:
    """Median, least and most; None where nothing was measured."""
    known = [value for value in values if value is not None]
    if not known:
        return {"value": None, "low": None, "high": None}
    return {"value": median(known), "low": min(known), "high": max(known)}
