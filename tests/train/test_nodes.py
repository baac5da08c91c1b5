from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytest.importorskip("timm")

from safetensors.torch import load_file

from training_example import RECIPE, pictures, recipe_file

TORCHRUN = ["-m", "torch.distributed.run", "--nnodes", "2", "--nproc-per-node", "1"]
OPTIONS = ["--only", "0", "--threads", "1", "--workers", "0", "--device", "cpu"]
SGD = ["optimiser.name=sgd", "optimiser.learning_rate=0.02"]


def started(data: Path, out: Path, launch: list[str]) -> subprocess.Popen[bytes]:
    """`mammoscope train` in a process of its own, or in one that torchrun starts."""
    sources = Path(__file__).resolve().parents[2] / "src"
    env = os.environ | {"PYTHONPATH": str(sources), "OMP_NUM_THREADS": "1"}
    words = ["-m", "mammoscope", "train", str(data / "recipe.toml"), *SGD]
    places = ["--data", str(data), "--out", str(out)]
    line = [sys.executable, *launch, *words, *places, *OPTIONS]
    return subprocess.Popen(line, env=env | {"GLOO_SOCKET_IFNAME": "lo"}, stdout=sys.stderr)


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


@pytest.mark.skipif(sys.platform != "linux", reason="the loopback device is called lo on Linux")
def test_two_nodes_do_what_one_process_does(tmp_path: Path) -> None:
    """Two launchers, each as it would be on a computer of its own, that meet by an address."""
    data = pictures(tmp_path, 8)
    recipe_file(data, RECIPE)
    meet = ["--master_addr", "127.0.0.1", "--master_port", str(free_port())]
    nodes = [[*TORCHRUN, "--node_rank", str(node), *meet] for node in (0, 1)]
    runs = [started(data, tmp_path / "two", launch) for launch in nodes]
    runs.append(started(data, tmp_path / "one", []))
    assert [run.wait(timeout=240) for run in runs] == [0, 0, 0]
    one, two = (load_file(tmp_path / name / "0" / "weights.safetensors") for name in ("one", "two"))
    size = max(float(value.abs().max()) for value in one.values())
    assert max(float((one[name] - two[name]).abs().max()) for name in one) < 1e-4 * size
