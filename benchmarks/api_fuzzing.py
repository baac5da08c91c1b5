"""Throw what fits the API's description, and what does not, at a real server: Schemathesis.

    python benchmarks/api_fuzzing.py [--examples 50] [--seed 1]

Starts a server on loopback, judges the demo exam, and runs every phase of Schemathesis with the
ids of what is there; prints its summary. The exit code is Schemathesis's: 0 without a failure.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

# What JSON Schema cannot say: that a box lies in its image, that weights have such a name. And the
# bytes of a file are never wrong by themselves: what is in them is told file by file.
CONFIG = """
[parameters]
"path.study" = "{study}"
"path.job" = "{job}"
"path.image" = 1
"path.name" = "reader"

[[operations]]
include-name = "DELETE /api/v1/studies/{{study}}"
parameters = {{ "path.study" = "00000000000000000000000000000000" }}

[[operations]]
include-name = [
  "POST /api/v1/studies/{{study}}/marks",
  "POST /api/v1/studies/{{study}}/images/{{image}}/region",
  "POST /api/v1/studies/{{study}}/images/{{image}}/compare",
]
checks.positive_data_acceptance.expected-statuses = ["2xx", "404", "422"]

[[operations]]
include-name = ["POST /api/v1/predict", "POST /api/v1/studies", "POST /api/v1/evaluations"]
checks.negative_data_rejection.enabled = false
"""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--examples", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--phases", default="examples,coverage,fuzzing,stateful")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, server(Path(folder)) as running:
        address = running.address
        study, job = demo(address)
        config = Path(folder, "schemathesis.toml")
        config.write_text(CONFIG.format(study=study, job=job))
        command = [
            sys.executable,
            "-m",
            "schemathesis.cli",
            "--config-file",
            str(config),
            "run",
            f"{address}/openapi.json",
        ]
        command += ["--phases", args.phases, "--max-examples", str(args.examples)]
        command += ["--seed", str(args.seed), "--no-color", "--continue-on-failure"]
        return subprocess.run(command, cwd=folder, check=False).returncode


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    address: str
    pid: int

    def memory_mb(self) -> float:
        """Resident set."""
        return self._status("VmRSS")

    def peak_mb(self) -> float:
        """The largest resident set so far."""
        return self._status("VmHWM")

    def _status(self, field: str) -> float:
        lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith(field)).split()[1]) / 1024


@contextmanager
def server(folder: Path, *options: str) -> Iterator[Server]:
    """A server of its own process on a free port; ends with the block."""
    command = [sys.executable, "-m", "mammoscope", "serve", "--port", "0", "--no-try-it"]
    command += ["--data", str(folder / "data"), "--requests-per-minute", "0", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr is not None
        line = next(line for line in process.stderr if "http://" in line)
        try:
            yield Server(line.split()[1].rstrip("/"), process.pid)
        finally:
            process.terminate()


def demo(address: str) -> tuple[str, str]:
    """Judge the demo exam; gives the ids of its study and job."""
    with httpx.Client(base_url=address, timeout=60) as client:
        job = client.post("/api/v1/demo").json()["job"]
        client.get(f"/api/v1/jobs/{job}/events")
        return client.get(f"/api/v1/jobs/{job}").json()["studies"][0], job


if __name__ == "__main__":
    sys.exit(main())
