"""Train with one process and with two of torchrun; prints how far their results are apart.

python together.py DATA OUT [KEY=VALUE ...]
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

LAUNCHER = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node"]


def trained(processes: int, data: Path, out: Path, words: list[str]) -> Path:
    """Train fold 0 and return its folder."""
    launch = [] if processes == 1 else [*LAUNCHER, str(processes)]
    options = ["--only", "0", "--threads", "1", "--workers", "0", "--device", "cpu"]
    places = ["--data", str(data), "--out", str(out)]
    run = ["-m", "mammoscope.train.run", str(data / "recipe.toml"), *words, *places, *options]
    subprocess.run([sys.executable, *launch, *run], check=True, stdout=sys.stderr)
    return out / "0"


def main() -> None:
    data, out, *words = sys.argv[1:]
    folders = [trained(n, Path(data), Path(out) / str(n), words) for n in (1, 2)]
    one, two = (load_file(folder / "weights.safetensors") for folder in folders)
    floats = [name for name, value in one.items() if value.is_floating_point()]
    distance = max(float((one[name] - two[name]).abs().max()) for name in floats)
    size = max(float(one[name].abs().max()) for name in floats)
    same = all(torch.equal(one[name], two[name]) for name in set(one) - set(floats))
    last = [json.loads((f / "metrics.jsonl").read_text().splitlines()[-1]) for f in folders]
    figures = {
        name: [record[name] for record in last]
        for name in ("loss", "classes", "accuracy", "held_out_auc")
    }
    told = {"distance": distance, "size": size, "counts_same": same, "figures": figures}
    print(json.dumps(told))


if __name__ == "__main__":
    main()
