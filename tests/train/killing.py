"""Train in a process of its own that is killed three times; prints what came of it as JSON.

    python killing.py DATA OUT [KEY=VALUE ...]

A fork for each attempt, so that torch is imported once and nothing was computed before.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch

from mammoscope.train.config import Recipe, load_recipe
from mammoscope.train.dataset import load_training_set
from mammoscope.train.fitting import Machine
from mammoscope.train.run import train_part

KILLS = 3


def started(recipe: Recipe, data: Path, out: Path) -> int:
    """Begin (or go on) in a child; returns its process id."""
    child = os.fork()
    if child:
        return child
    torch.set_num_threads(1)
    train_part(recipe, load_training_set(data, recipe, data), "0", out, Machine(checkpoint_s=0))
    os._exit(0)


def ended(child: int) -> int:
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def steps_done(out: Path) -> int:
    file = out / "0" / "checkpoint.pt"
    return int(torch.load(file, weights_only=True)["steps"]) if file.is_file() else 0


def digest(out: Path) -> str:
    return hashlib.sha256((out / "0" / "weights.safetensors").read_bytes()).hexdigest()


def main() -> None:
    data, out, *words = sys.argv[1:]
    recipe = load_recipe(Path(data) / "recipe.toml", words)
    load_training_set(Path(data), recipe, Path(data))
    begun = time.monotonic()
    if ended(started(recipe, Path(data), Path(out) / "whole")):
        sys.exit("the uninterrupted training failed")
    took = time.monotonic() - begun
    codes, steps = [], []
    for _ in range(KILLS):
        child = started(recipe, Path(data), Path(out) / "killed")
        time.sleep(random.uniform(0.1, 0.3) * took)
        os.kill(child, signal.SIGKILL)
        codes.append(ended(child))
        steps.append(steps_done(Path(out) / "killed"))
    codes.append(ended(started(recipe, Path(data), Path(out) / "killed")))
    hashes = [digest(Path(out) / name) for name in ("whole", "killed")]
    print(json.dumps({"codes": codes, "steps": steps, "hashes": hashes, "seconds": took}))


if __name__ == "__main__":
    main()
