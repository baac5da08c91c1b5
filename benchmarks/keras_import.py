"""Whether imported Keras classifiers answer as in Keras, how fast, and what is refused.

    python benchmarks/keras_import.py [--side 224] [--pictures 100] [--json keras_import.json]

Real Keras (TensorFlow on the CPU) makes and saves each model in a process of its own, answers
pictures of which half are noise and half synthetic mammograms, and is timed there; then both
files are converted here, and the same pictures answered and timed under OpenVINO. `--only` picks
models. The second table is of broken and hostile files with the sentences they are refused with.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

import keras_hostile
from keras_models import BATCH, CASES, REPEATS
from mammoscope.data.synth import synthetic_view
from mammoscope.errors import WeightsError
from mammoscope.infer.engine import load_engine
from mammoscope.keras_import.convert import Converted, convert
from mammoscope.keras_import.front import Pixels
from mammoscope.keras_import.parity import as_probabilities, probabilities
from mammoscope.preprocess import PreprocessParams, prepare
from mammoscope.types import Mammogram


def looking_real(count: int, side: int) -> Any:
    """Synthetic mammograms (count, side, side) as an imported network is shown them."""
    params = PreprocessParams(height=side, width=side, kind="picture", letterbox=False)
    seen = []
    for seed in range(count):
        view = synthetic_view(seed, "LR"[seed % 2], ("CC", "MLO")[seed // 2 % 2], height=512)
        seen.append(prepare(Mammogram(view.pixels, "synthetic"), params).pixels)
    return np.stack(seen)


def made_by_keras(folder: Path, grey: Any, names: list[str]) -> None:
    """Let Keras make, save, answer and be timed."""
    np.save(folder / "pictures.npy", grey)
    script = str(Path(__file__).with_name("keras_models.py"))
    words = [str(folder / "pictures.npy"), str(folder), "--time", "--only", *names]
    environment = {"CUDA_VISIBLE_DEVICES": "", **os.environ}
    subprocess.run([sys.executable, "-W", "ignore", script, *words], check=True, env=environment)


def milliseconds(converted: Converted, grey: Any, precision: Any) -> tuple[list[float], str]:
    """An image, median of some runs, in batches of 1 and of BATCH; and the runtime's name."""
    engine = load_engine(converted.content, "openvino", precision, ("logits",))
    found = []
    for batch, repeats in REPEATS.items():
        given = np.resize(grey, (batch, *grey.shape[1:]))
        taken = []
        for _ in range(repeats + 2):
            start = time.perf_counter()
            engine.arrays(given)
            taken.append(1000 * (time.perf_counter() - start) / batch)
        found.append(float(np.median(taken[2:])))
    return found, engine.runtime


def compared(folder: Path, name: str, grey: Any) -> dict[str, Any]:
    """One model: differences and times; both its files must give the same network."""
    case = CASES[name]
    pixels = Pixels(case.scaling, case.sharpen)
    start = time.perf_counter()
    converted = convert(folder / f"{name}.keras", pixels)
    seconds = time.perf_counter() - start
    if convert(folder / f"{name}.h5", pixels).content != converted.content:
        raise SystemExit(f"{name}.keras and {name}.h5 give two networks")
    with np.load(folder / f"{name}.npz") as keras:
        wanted = as_probabilities(keras["said"], converted.ending)
        times = {"keras": [float(keras["ms_1"]), float(keras[f"ms_{BATCH}"])]}
    differences = {}
    for label, runtime, precision in (
        ("openvino", "openvino", "f32"),
        ("onnxruntime", "onnxruntime", "f32"),
        ("auto", "openvino", "auto"),
    ):
        found = probabilities(converted, grey, runtime, precision)
        differences[label] = float(np.abs(found - wanted).max())
    times["f32"], _ = milliseconds(converted, grey, "f32")
    times["auto"], runtime = milliseconds(converted, grey, "auto")
    return {
        "model": name,
        "differences": differences,
        "spread": float(wanted.std(axis=0).mean()),
        "convert_s": seconds,
        "ms": times,
        "auto": runtime,
    }


def show(rows: list[dict[str, Any]], count: int) -> None:
    """Print the table; its .keras and .h5 files gave the same network, byte for byte."""
    print(f"\nLargest difference of a probability from Keras's, {count} pictures; ms an image")
    both = f"1 / {BATCH}"
    print(
        "| model, from .keras and .h5 alike | OpenVINO f32 | ONNX Runtime | OpenVINO auto "
        f"| spread of Keras's | convert s | Keras ms, {both} | f32 ms, {both} | auto ms, {both} "
        f"| Keras : f32, {both} |\n" + "|---" * 10 + "|"
    )
    for row in rows:
        differences = " | ".join(f"{one:.1e}" for one in row["differences"].values())
        times = " | ".join(f"{first:.1f} / {other:.1f}" for first, other in row["ms"].values())
        ratios = (k / f for k, f in zip(row["ms"]["keras"], row["ms"]["f32"], strict=True))
        print(
            f"| {row['model']} | {differences} | {row['spread']:.2f} | {row['convert_s']:.1f} "
            f"| {times} | {' / '.join(f'{ratio:.1f}' for ratio in ratios)} |"
        )
    print(f"\nauto is {rows[0]['auto']}; Keras is predict_on_batch, compiled by TensorFlow")


def refusals(folder: Path) -> list[dict[str, str]]:
    """Every hostile file and its sentence; fails if one is taken, or anything in one was run."""
    rows = []
    for path in keras_hostile.write_all(folder):
        try:
            convert(path, Pixels("1/255"))
        except WeightsError as error:
            told = str(error).removeprefix(f"{path}: ")
            rows.append({"file": path.name, "sentence": told})
        else:
            raise SystemExit(f"{path.name} was taken")
    if (folder / keras_hostile.MARKER).exists():
        raise SystemExit("code of a file was run")
    return rows


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--side", type=int, default=224)
    parser.add_argument("--pictures", type=int, default=100)
    parser.add_argument("--only", nargs="*", default=list(CASES), choices=list(CASES))
    parser.add_argument("--json", type=Path)
    args = parser.parse_args()
    half = args.pictures // 2
    noise = np.random.default_rng(0).integers(0, 256, (half, args.side, args.side), np.uint8)
    grey = np.concatenate([noise, looking_real(args.pictures - half, args.side)])
    rows = []
    for name in args.only:  # one after the other: a model takes up to 300 MB
        with tempfile.TemporaryDirectory() as folder:
            made_by_keras(Path(folder), grey, [name])
            rows.append(compared(Path(folder), name, grey))
    show(rows, len(grey))
    with tempfile.TemporaryDirectory() as folder:
        refused = refusals(Path(folder))
    print(f"\n{len(refused)} broken or hostile files, all refused; nothing in them was run")
    print("| file | sentence |\n|---|---|")
    for row in refused:
        print(f"| {row['file']} | {row['sentence']} |")
    if args.json:
        args.json.write_text(json.dumps({"models": rows, "refused": refused}, indent=2))


if __name__ == "__main__":
    main()
