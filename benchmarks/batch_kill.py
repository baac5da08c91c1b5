"""What a batch loses that is killed, or whose disk is full: rows lost, rows double.

    python benchmarks/batch_kill.py --exams 100 --kills 10 --out batch_kill/

One batch of linked synthetic studies, an unreadable file among them, runs undisturbed; then each
of `--kills` others is killed (signal 9) at a random moment of that time and gone on with. The
last one meets a full disk (a small tmpfs where that may be mounted, else a limit on the size of
files) and is gone on with elsewhere. Every table is compared with the first. Prints Markdown.
"""

from __future__ import annotations

import argparse
import os
import random
import resource
import shutil
import subprocess
import time
from functools import partial
from pathlib import Path

import pandas as pd

from batch_studies import command, linked_studies

SECONDS = 0.5
"""How old a part may grow here: a kill then finds some written and some not."""


def main() -> None:
    options = _options()
    options.out.mkdir(parents=True)
    manifest = linked_studies(options.out / "in", options.exams, options.views, options.height)
    broken = options.out / "in" / "e0000001"
    (broken / next(broken.iterdir()).name).unlink()
    start = time.monotonic()
    whole = table(manifest, options.out / "whole")
    seconds = time.monotonic() - start
    print(f"{len(whole)} images in {seconds:.0f} s, one file unreadable.\n")
    print("| killed after | rows safe then | lost | double | other values |")
    print("|---:|---:|---:|---:|---:|")
    moment = random.Random(options.seed)
    for number in range(options.kills):
        out = options.out / f"killed{number}"
        after = moment.uniform(0.5, seconds)
        safe = killed(manifest, out, after)
        print(f"| {after:.1f} s | {safe} {compared(whole, table(manifest, out))}", flush=True)
    room = sum(part.stat().st_size for part in (options.out / "whole" / "parts").iterdir()) // 2
    safe = full(manifest, options.out, room)
    print("\n| | rows safe then | lost | double | other values |\n|---|---:|---:|---:|---:|")
    print(f"| full disk | {safe} {compared(whole, table(manifest, options.out / 'full'))}")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="new folder, left for a look")
    parser.add_argument("--exams", type=int, default=100)
    parser.add_argument("--views", type=int, default=4)
    parser.add_argument("--height", type=int, default=512)
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    return parser.parse_args()


def table(manifest: Path, out: Path) -> pd.DataFrame:
    """Bring the batch in `out` to its end; its rows in the order of their paths."""
    words = command(SECONDS, manifest, "--out", out, "--resume")
    done = subprocess.run(words, stdout=subprocess.DEVNULL, check=False)
    if done.returncode not in (0, 1):
        raise SystemExit(f"the batch ended with code {done.returncode}")
    rows = pd.read_parquet(out / "parts").drop(columns=["findings", "warnings", "exam_warnings"])
    return rows.sort_values("image_path").reset_index(drop=True)


def killed(manifest: Path, out: Path, after: float) -> int:
    """Kill a new batch after so many seconds; how many rows were safe by then."""
    process = subprocess.Popen(command(SECONDS, manifest, "--out", out), stdout=subprocess.DEVNULL)
    try:
        process.wait(after)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    return safe_rows(out)


def safe_rows(out: Path) -> int:
    parts = sorted((out / "parts").glob("part-*.parquet"))
    return sum(len(pd.read_parquet(part, columns=["key"])) for part in parts)


def full(manifest: Path, folder: Path, room: int) -> int:
    """Let a batch fill a disk of `room` bytes, then move what it wrote to where there is more."""
    small, out = folder / "small", folder / "full"
    small.mkdir()
    mounted = os.geteuid() == 0 and _mount(small, room)
    words = command(SECONDS, manifest, "--out", small / "out")
    limit = None if mounted else partial(resource.setrlimit, resource.RLIMIT_FSIZE, (room, room))
    done = subprocess.run(words, capture_output=True, text=True, check=False, preexec_fn=limit)
    safe = safe_rows(small / "out")
    shutil.copytree(small / "out", out)
    if mounted:
        subprocess.run(["umount", small], check=True)
    disk = "tmpfs" if mounted else "limit on the size of a file"
    print(f"A disk of {room} bytes ({disk}), code {done.returncode}: {done.stderr}", end="")
    return safe


def _mount(folder: Path, room: int) -> bool:
    words = ["mount", "-t", "tmpfs", "-o", f"size={room}", "tmpfs", folder]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def compared(whole: pd.DataFrame, other: pd.DataFrame) -> str:
    """Cells of the table: rows lost, double, and with other values than undisturbed."""
    lost = len(set(whole["image_path"]) - set(other["image_path"]))
    double = int(other["image_path"].duplicated().sum())
    first = other.drop_duplicates("image_path").set_index("image_path")
    both = whole.set_index("image_path").loc[first.index]
    differ = int((~((first == both) | (first.isna() & both.isna())).all(axis=1)).sum())
    return f"| {lost} | {double} | {differ} |"


if __name__ == "__main__":
    main()
