"""What a competitor costs: to keep, to train, and to run."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np

import mammoscope
from mammoscope.files import write_atomic
from mammoscope.machine import cores
from mammoscope.models.card import NETWORK_FILE
from mammoscope.models.networks import count
from mammoscope.train.dataset import TrainingSet
from mammoscope.train.entries import Entry
from mammoscope.train.export import output_names, to_onnx
from mammoscope.train.fitting import START
from mammoscope.train.progress import METRICS
from mammoscope.train.run import WEIGHTS, trained

COSTS = "costs.json"
_SHOWN = 16
"""Images that are judged in turn."""


def training_costs(entry: Entry, parts: Sequence[str]) -> dict[str, Any]:
    """From the records of the parts, over which "accuracy" and "epochs" are averaged.

    Returns:
        "seconds_per_epoch" and "images_per_s" of the training alone (medians, which a computer
        that slept meanwhile does not change), "hours" of all parts together, "epochs",
        "accuracy_learned" and "accuracy_held_out" of the last epoch, "training_peak_mib" (see
        `memory.peak_from_now`; None if it was not measured), "started_from" (what weights, in
        words), "device" and "threads".
    """
    histories = [history(entry, part) for part in parts]
    records = [record for records in histories for record in records]
    last = [records[-1] for records in histories]
    peaks = [peak for record in records if (peak := record.get("peak_mib")) is not None]
    started = json.loads((entry.folder / parts[0] / START).read_text(encoding="utf-8"))
    return {
        "seconds_per_epoch": median(record["seconds"] for record in records),
        "images_per_s": median(record["images_per_s"] for record in records),
        "hours": sum(record["seconds"] for record in records) / 3600,
        "training_peak_mib": max(peaks, default=None),
        "epochs": fmean(len(records) for records in histories),
        "accuracy_learned": fmean(record["accuracy"] for record in last),
        "accuracy_held_out": fmean(record["held_out_accuracy"] for record in last),
        "started_from": started["weights"],
        "device": started["device"],
        "threads": started["threads"],
    }


def history(entry: Entry, part: str) -> list[dict[str, Any]]:
    """The record of every epoch of a part."""
    text = (entry.folder / part / METRICS).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def running_costs(entry: Entry, part: str, data: TrainingSet) -> dict[str, Any]:
    """Parameters, MACs, and time and memory for an image under the product's runtime.

    What was measured is kept in the run's folder and taken from there the next time.

    Args:
        entry: whose network.
        part: whose weights.
        data: its images are judged.

    Returns:
        "parameters", "macs", and those of `timing.timed`, which are None, with the reason in
        "note", where the network cannot be exported or run.
    """
    file = entry.folder / COSTS
    key = f"{entry.recipe.sha256} {cores()} cores, {mammoscope.__version__}"
    if file.is_file():
        known: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if known.get("of") == key:
            return known
    network = trained(entry.recipe, entry.folder / part / WEIGHTS)
    height, width = entry.recipe.input.height, entry.recipe.input.width
    cost = count(network, height, width)
    found: dict[str, Any] = {"of": key, "parameters": cost.parameters, "macs": cost.macs}
    try:
        onnx = to_onnx(network, height, width)
    except RuntimeError as error:
        return found | _unmeasured(f"it cannot be exported ({type(error).__name__})")
    found |= _timed(onnx, output_names(network), data)
    write_atomic(file, (json.dumps(found, indent=2) + "\n").encode())
    return found


def _timed(onnx: bytes, outputs: Sequence[str], data: TrainingSet) -> dict[str, Any]:
    chosen = np.linspace(0, len(data.pixels) - 1, _SHOWN).astype(int)
    with tempfile.TemporaryDirectory() as folder:
        network, pixels = Path(folder) / NETWORK_FILE, Path(folder) / "pixels.npy"
        network.write_bytes(onnx)
        np.save(pixels, data.pixels[chosen])
        words = [sys.executable, "-m", "mammoscope.train.timing", str(network), str(pixels)]
        done = subprocess.run([*words, *outputs], capture_output=True, text=True, check=False)
    if done.returncode:
        return _unmeasured("the runtime could not run it")
    measured: dict[str, Any] = json.loads(done.stdout)
    return measured | {"note": ""}


def _unmeasured(note: str) -> dict[str, Any]:
    return {"ms": None, "images": 0, "peak_mib": None, "runtime": None, "cores": None, "note": note}
