"""Train with one process and with two that average their gradients; prints the weights' distance.

python together.py DATA OUT [KEY=VALUE ...]
"""

from __future__ import annotations

import json
import os
import socket
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

from mammoscope.train.run import Args, train


def processes(count: int, data: Path, out: Path, words: list[str]) -> None:
    """Train fold 0 as torchrun would with `count` processes."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    children = []
    for rank in range(count):
        child = os.fork()
        if not child:
            if count > 1:
                os.environ |= {
                    "RANK": str(rank),
                    "LOCAL_RANK": str(rank),
                    "WORLD_SIZE": str(count),
                    "MASTER_ADDR": "127.0.0.1",
                    "MASTER_PORT": str(port),
                }
            recipe = data / "recipe.toml"
            options = {"threads": 1, "workers": 0, "device": "cpu", "only": ("0",)}
            train(Args(recipe, data, out, tuple(words), **options))  # type: ignore[arg-type]
            os._exit(0)
        children.append(child)
    for child in children:
        if os.waitpid(child, 0)[1]:
            sys.exit("a process failed")


def main() -> None:
    data, out, *words = sys.argv[1:]
    for count in (1, 2):
        processes(count, Path(data), Path(out) / str(count), words)
    one, two = (load_file(Path(out) / n / "0" / "weights.safetensors") for n in ("1", "2"))
    floats = [name for name, value in one.items() if value.is_floating_point()]
    distance = max(float((one[name] - two[name]).abs().max()) for name in floats)
    size = max(float(one[name].abs().max()) for name in floats)
    same = all(torch.equal(one[name], two[name]) for name in set(one) - set(floats))
    print(json.dumps({"distance": distance, "size": size, "counts_same": same}))


if __name__ == "__main__":
    main()
