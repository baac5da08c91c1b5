r"""What other decoders and runtimes need for the same work, where they are installed.

    python benchmarks/peers.py --size 4096 --repeats 7

Decoding: one synthetic view in each transfer syntax, on one core: the decoder used here on the
codestream in memory, pydicom through whichever of its plugins is installed, and DCMTK's command
(the start of its process and the file it writes are in its time). Runtimes: the architecture of
the reader that ships, with random weights, on as many images as an exam has and on all cores:
eager PyTorch, torch.compile, ONNX Runtime and OpenVINO. In turn, medians, and the ratio to the
first column. Prints Markdown.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import pydicom
import torch
from pydicom.pixels import get_decoder, pixel_array

from exam_floors import decoder
from mammoscope.data.dicom_encoding import SYNTAXES
from mammoscope.data.dicom_study import usual_kind, write_view
from mammoscope.data.synth import synthetic_exam
from mammoscope.errors import ConfigError
from mammoscope.infer.compiled import FOLDER_VARIABLE
from mammoscope.infer.engine import load_engine
from mammoscope.models.committee import Committee, Member
from mammoscope.models.networks import HeadSpec
from mammoscope.models.registry import create
from mammoscope.train.export import Exported, to_onnx

Work = Callable[[], object]
DECODED = ("JPEG lossless SV1", "JPEG-LS", "RLE", "JPEG 2000 lossless", "HTJ2K lossless")
DCMTK = {"JPEG lossless SV1": "dcmdjpeg", "JPEG-LS": "dcmdjpls", "RLE": "dcmdrle"}
SIZES = ((448, 256), (384, 224))
"""Inputs of the reader's two networks."""
VIEWS = 4


def main() -> None:
    options = _options()
    cores = sorted(os.sched_getaffinity(0))[: options.cores]
    os.sched_setaffinity(0, set(cores[:1]))
    print("| decoding, ms on one core | here | pydicom | ratio | DCMTK | ratio |")
    print("|---|---:|---:|---:|---:|---:|")
    view = synthetic_exam(7, height=options.size).images[-1]
    with tempfile.TemporaryDirectory() as folder:
        for syntax in DECODED:
            path = write_view(Path(folder) / f"{syntax}.dcm", view, usual_kind(syntax), 7)
            print(decoding(path, syntax, options.repeats), flush=True)
    os.sched_setaffinity(0, set(cores))
    torch.set_num_threads(len(cores))
    os.environ[FOLDER_VARIABLE] = "off"  # nobody needs a compiled network of random weights
    times = medians(runtimes(options.compile), options.repeats)
    print(f"\n| runtime, {VIEWS} images on {len(cores)} cores | ms | ratio |\n|---|---:|---:|")
    least = min(times.values())
    for name, taken in times.items():
        print(f"| {name} | {taken:.0f} | {taken / least:.1f} |")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=4096, help="height of the view, pixels")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--cores", type=int, default=2, help="for the runtimes")
    parser.add_argument("--compile", action="store_true", help="torch.compile too: a minute more")
    return parser.parse_args()


def medians(work: Mapping[str, Work], repeats: int) -> dict[str, float]:
    """Milliseconds of each, run in turn after one that does not count."""
    times: dict[str, list[float]] = {name: [] for name in work}
    for number in range(repeats + 1):
        for name, one in work.items():
            start = time.perf_counter()
            one()
            if number:
                times[name].append((time.perf_counter() - start) * 1e3)
    return {name: median(each) for name, each in times.items()}


def decoding(path: Path, syntax: str, repeats: int) -> str:
    """The row of a transfer syntax."""
    work: dict[str, Work] = {"here": decoder(str(path))}
    if get_decoder(SYNTAXES[syntax].uid).is_available:
        work["pydicom"] = partial(pixel_array, pydicom.dcmread(path))
    command = shutil.which(DCMTK.get(syntax, ""))
    if command:
        work["DCMTK"] = partial(_run, [command, str(path), str(path.with_suffix(".plain"))])
    times = medians(work, repeats)
    cells = [f"{times['here']:.0f}"]
    for peer in ("pydicom", "DCMTK"):
        there = peer in times
        cells += [f"{times[peer]:.0f}", f"{times[peer] / times['here']:.1f}"] if there else ["", ""]
    return f"| {syntax} | {' | '.join(cells)} |"


def _run(command: Sequence[str]) -> None:
    subprocess.run(command, check=True, capture_output=True)


def runtimes(compiled: bool) -> dict[str, Work]:
    """What shows the same images to the same network, by runtime."""
    torch.manual_seed(0)
    heads = (HeadSpec(density=True, findings=True), HeadSpec(density=True))
    pairs = zip(heads, SIZES, strict=True)
    members = [Member(create("efficientnet_lite0", head), size, (1.0, 0.0)) for head, size in pairs]
    network = Exported(Committee(members)).eval()
    onnx = to_onnx(network.network, *SIZES[0])
    images = np.random.default_rng(0).integers(0, 256, (VIEWS, *SIZES[0]), np.uint8)
    tensor = torch.from_numpy(images)[:, None].float() / 255
    work: dict[str, Work] = {
        "PyTorch, eager, f32": torch.inference_mode()(partial(network, tensor))
    }
    if compiled:
        faster = torch.compile(network)
        work["PyTorch, torch.compile, f32"] = torch.inference_mode()(partial(faster, tensor))
    work["ONNX Runtime, f32"] = partial(load_engine(onnx, "onnxruntime").run, images)
    for precision in ("f32", "bf16"):
        for hint in ("latency", "throughput"):
            try:
                engine = load_engine(onnx, "openvino", precision, hint=hint)
            except ConfigError:
                continue  # this processor does not compute in bf16
            work[f"OpenVINO, {precision}, for {hint}"] = partial(engine.run, images)
    return work


if __name__ == "__main__":
    main()
