"""What the server bears: many clients at once, many studies, and the wait for one.

    python benchmarks/serve_load.py clients [--clients 32] [--seconds 300]
    python benchmarks/serve_load.py studies [--studies 200]
    python benchmarks/serve_load.py wait EXAM_FOLDER [--repeats 7]

`clients` sends single views of the demo exam to /api/v1/predict, `studies` adds the demo exam again
and again, `wait` sends a folder's files as one study. The server is a process of its own on
loopback; memory is its resident set (Linux).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import httpx

from api_fuzzing import Server, server
from mammoscope.data.demo_exam import demo_folder

_TIMEOUT_S = 300


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["clients", "studies", "wait"])
    parser.add_argument("exam", type=Path, nargs="?")
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--seconds", type=float, default=300)
    parser.add_argument("--studies", type=int, default=200)
    parser.add_argument("--repeats", type=int, default=7)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as running:
        if args.what == "clients":
            return clients(running, args.clients, args.seconds)
        if args.what == "studies":
            return studies(running, args.studies)
        return wait(running, args.exam, args.repeats)


def clients(running: Server, count: int, seconds: float) -> int:
    """`count` clients that each send the next image as soon as the last is answered."""
    end, took, outcomes = time.monotonic() + seconds, list[float](), Counter[str]()
    pictures = [path.read_bytes() for path in sorted(demo_folder().glob("*.png"))]

    def ask(number: int) -> None:
        with httpx.Client(base_url=running.address, timeout=_TIMEOUT_S) as client:
            while time.monotonic() < end:
                start = time.perf_counter()
                outcomes[_outcome(client, pictures[number % len(pictures)])] += 1
                took.append(time.perf_counter() - start)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        time.sleep(min(30.0, max(0.5, seconds / 10)))
        print(f"{len(took)} answers, {running.memory_mb():.0f} MB", file=sys.stderr)
    centiles = statistics.quantiles(took, n=100)
    print(f"{count} clients, {seconds:g} s: {len(took)} images, {len(took) / seconds:.2f} a second")
    print(f"p50 {centiles[49]:.2f} s, p99 {centiles[98]:.2f} s, longest {max(took):.2f} s")
    memory = f"{running.memory_mb():.0f} MB at the end, {running.peak_mb():.0f} MB at most"
    print(f"outcomes {dict(outcomes)}; memory {memory}")
    return 0 if set(outcomes) == {"judged"} else 1


def _outcome(client: httpx.Client, picture: bytes) -> str:
    try:
        answer = client.post("/api/v1/predict", files={"files": ("a_L-CC.png", picture)})
    except httpx.HTTPError as error:
        return type(error).__name__
    if answer.status_code != 200:
        return str(answer.status_code)
    judged = answer.json()["exams"][0]["exam"]["malignancy"] is not None
    return "judged" if judged else "not judged"


def studies(running: Server, count: int) -> int:
    """Add the demo exam `count` times; memory at every tenth of them."""
    with httpx.Client(base_url=running.address, timeout=_TIMEOUT_S) as client:
        for number in range(1, count + 1):
            _follow(client, client.post("/api/v1/demo").json()["job"])
            study = client.get("/api/v1/studies?order=created").json()["studies"][0]["id"]
            for image in client.get(f"/api/v1/studies/{study}").json()["images"]:
                client.get(image["values_url"])
            if number % max(1, count // 10) == 0:
                print(f"{number} studies: {running.memory_mb():.0f} MB", flush=True)
    return 0


def wait(running: Server, exam: Path, repeats: int) -> int:
    """From the first byte sent to the first result, and to everything written."""
    files = sorted(path for path in exam.iterdir() if path.is_file())
    for chosen in (files[:1], files):
        first, done = [], []
        for _ in range(repeats + 1):
            one = _sent(running.address, chosen)
            first.append(one[0])
            done.append(one[1])
        size = sum(path.stat().st_size for path in chosen) / 1e6
        print(
            f"{len(chosen)} files ({size:.1f} MB), median of {repeats}, warm: "
            f"first result {statistics.median(first[1:]):.2f} s, "
            f"all written {statistics.median(done[1:]):.2f} s"
        )
    return 0


def _sent(address: str, paths: Sequence[Path]) -> tuple[float, float]:
    with httpx.Client(base_url=address, timeout=_TIMEOUT_S) as client:
        files = [("files", (path.name, path.read_bytes())) for path in paths]
        start = time.perf_counter()
        job = client.post("/api/v1/studies", files=files).json()["job"]
        first = _follow(client, job)
        return first - start, time.perf_counter() - start


def _follow(client: httpx.Client, job: str) -> float:
    """Follow a job to its end; gives when its first study was there."""
    first = 0.0
    with client.stream("GET", f"/api/v1/jobs/{job}/events") as events:
        for line in events.iter_lines():
            if line.startswith("data: ") and not first:
                told = json.loads(line.removeprefix("data: "))
                first = time.perf_counter() if told["studies"] else 0.0
    return first


if __name__ == "__main__":
    sys.exit(main())
