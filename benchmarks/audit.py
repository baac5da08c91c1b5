"""Plant faults and see which the auditor finds; pair 200,000 fingerprints.

    python benchmarks/audit.py [--data MANIFEST_FOLDER] [--images 800] [--each 20] [--page OUT.html]
    python benchmarks/audit.py --scale 200000

Faults are planted into synthetic views, or into copies of real ones from a manifest. An image
counts as found if it is among the images of an issue of that kind. Precision counts the images
reported under a kind that were planted with it. On real data, nothing is planted in images that
had an issue before, and sides are not swapped where a machine mirrors some pictures. `--scale`
prints time, memory and recall on random fingerprints with planted pairs.
"""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

from audit_faults import Bed, plant, real_bed, synthetic_bed
from mammoscope.data.audit import Audit, audit, write_page
from mammoscope.data.audit.fingerprint import TURNS, turned
from mammoscope.data.audit.pairs import FARTHEST, near_pairs
from mammoscope.data.manifest import read_manifest
from mammoscope.evaluate.markdown import grid

_PLANTED_PAIRS = 2000
_HEIGHT = 256


def reported(found: Audit) -> dict[str, set[str]]:
    """Images of each kind of issue."""
    return {
        kind: {path for issue in issues for path in issue.images}
        for kind, issues in found.by_kind().items()
    }


def table(bed: Bed, found: dict[str, set[str]], before: dict[str, set[str]]) -> list[list[str]]:
    """Kind, planted, recall, reported, precision; finer names share their kind's precision."""
    truth: dict[str, set[str]] = {}
    for name, paths in bed.planted.items():
        truth.setdefault(name.split(":")[0], set()).update(paths)
    rows = []
    for name, paths in bed.planted.items():
        kind = name.split(":")[0]
        hit = found.get(kind, set())
        new = hit - before.get(kind, set())
        right = len(new & truth[kind])
        precision = f"{right / len(new):.3f}" if new else "none"
        recall = f"**{len(hit & paths) / len(paths):.3f}**"
        rows.append([name, str(len(paths)), recall, str(len(new)), precision])
    for kind in sorted(set(found) - set(truth)):
        known = before.get(kind, set())
        new = {path for path in found[kind] if bed.copied.get(path, path) not in known}
        if new:
            rows.append([f"{kind} (not planted)", "0", "", str(len(new)), "0.000"])
    return rows


def mirrored_machines(bed: Bed, mirrored: set[str]) -> set[str]:
    """Images of machines that mirror some: there a wrong side cannot be told from a right one."""
    if "machine_id" not in bed.images:
        return mirrored
    machines = bed.images.loc[bed.images["image_path"].isin(mirrored), "machine_id"]
    return set(bed.images.loc[bed.images["machine_id"].isin(machines), "image_path"])


def faults(options: argparse.Namespace, folder: Path) -> None:
    start = time.perf_counter()
    if options.data:
        bed = real_bed(folder, read_manifest(options.data), options.images, options.seed)
    else:
        bed = synthetic_bed(folder, options.images // 4, _HEIGHT, options.seed)
    cache = folder / "cache.sqlite"
    before = reported(audit(bed.manifest(), cache=cache, progress=False))
    left_out = set().union(*(paths for kind, paths in before.items() if kind != "mirrored"))
    bed.leave_out(left_out)
    bed.used["side"] |= mirrored_machines(bed, before.get("mirrored", set()))
    plant(bed, options.each)
    made = time.perf_counter()
    manifest = bed.manifest()
    cache.unlink()
    found = audit(manifest, cache=cache)
    first = time.perf_counter()
    audit(manifest, cache=cache, progress=False)
    second = time.perf_counter()
    head = ["fault", "planted images", "recall", "reported images", "precision"]
    print(grid(head, table(bed, reported(found), before)))
    count = len(manifest.images)
    print(
        f"\n{count} images; made in {made - start:.0f} s, audited in {first - made:.1f} s ", end=""
    )
    print(f"({100 * (first - made) / count:.2f} s per 100), again in {second - first:.1f} s.")
    print("Reported before planting:", {kind: len(paths) for kind, paths in before.items()})
    print(f"Images left to plant in: {len(bed.base)}.")
    if options.page:
        write_page(found, options.page)


def scale(count: int, seed: int) -> None:
    """Random fingerprints, some of them turned copies with up to FARTHEST bits changed."""
    draw = np.random.default_rng(seed)
    prints = draw.integers(0, 1 << 64, count, dtype=np.uint64)
    chosen = draw.permutation(count)[: 2 * min(_PLANTED_PAIRS, count // 2)].reshape(-1, 2)
    chosen.sort(axis=1)
    turns = draw.integers(0, len(TURNS), len(chosen))
    for (i, j), turn in zip(chosen, turns, strict=True):
        bits = draw.permutation(64)[: draw.integers(0, FARTHEST + 1)]
        prints[j] = turned(prints[i : i + 1], *TURNS[turn])[0] ^ np.bitwise_or.reduce(
            np.uint64(1) << bits.astype(np.uint64), initial=np.uint64(0)
        )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    found: set[tuple[int, int]] = set()
    for turn in TURNS:
        i, j = near_pairs(turned(prints, *turn), prints)
        found |= set(zip(i.tolist(), j.tolist(), strict=True))
    seconds = time.perf_counter() - start
    more = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    planted = {(int(i), int(j)) for i, j in chosen}
    head = ["fingerprints", "planted pairs", "found", "recall", "other pairs", "seconds", "MB more"]
    recall = len(planted & found) / len(planted)
    row = [count, len(planted), len(planted & found), f"**{recall:.4f}**", len(found - planted)]
    print(grid(head, [[*map(str, row), f"{seconds:.1f}", f"{more:.0f}"]]))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder with a manifest of mammograms")
    parser.add_argument("--images", type=int, default=800, help="images to plant faults into")
    parser.add_argument("--each", type=int, default=20, help="faults of each kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--page", type=Path, help="write the auditor's page")
    parser.add_argument("--scale", type=int, help="pair so many fingerprints instead")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    if options.scale:
        scale(options.scale, options.seed)
        return
    with tempfile.TemporaryDirectory() as folder:
        faults(options, Path(folder))


if __name__ == "__main__":
    main()
