"""Send hostile uploads to a running server and see what becomes of it.

    python benchmarks/hostile_uploads.py [--slow] [--no-try-it]

Starts `python -m mammoscope serve` with home, working, temporary and data folder of its own, and
sends each upload over the loopback by a bare socket. Checked after each: that it was refused with
a status 4xx or that its job ends with every file refused (a harmless picture under a hostile name
may be read), that the server still answers /health, that no file appeared outside the data
folder, and that the folder of uploads is empty. `--slow` adds what takes a minute; `--no-try-it`
serves without the try-it page. Prints one row each and the most memory that the server ever held;
exits 1 if a check failed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mammoscope
from hostile_files import ESCAPED, JUNK, archives, pictures
from mammoscope.data.demo_exam import demo_folder

STUDIES = "/api/v1/studies"
BOUNDARY = b"hostile-boundary"
FORM = "multipart/form-data; boundary=" + BOUNDARY.decode()
ENDLESS_MB = 1200
COOKIE = re.compile(rb"(?i)\r\nset-cookie: ([^;\r]*)")
NAMES: dict[str, bytes] = {
    "name that climbs out": b"../" * 9 + b"tmp/" + ESCAPED.encode() + b".png",
    "name that climbs out, backslashes": b"..\\" * 9 + ESCAPED.encode() + b".png",
    "name that climbs out, percent-encoded": b"%2e%2e%2f" * 9 + ESCAPED.encode() + b".png",
    "absolute name": b"/tmp/" + ESCAPED.encode() + b".png",
    "name on another drive": b"C:\\Windows\\" + ESCAPED.encode() + b".png",
    "name of a Windows device": b"CON.png",
    "name with NUL": b"a\0b.png",
    "name with CR LF and a header": b"a.png\r\nSet-Cookie: stolen=1",
    "name with a line feed": b"a\nb.png",
    "name written from right to left": "exam\u202egnp.exe".encode(),
    "name of 5,000 characters": b"x" * 5000 + b".png",
    "name of 5,000 suffixes": b".png" * 5000,
    "name that is no UTF-8": b"\xff\xfe\xfd.png",
    "name that is markup": b"<img src=x onerror=alert(1)>.png",
    "name that is a formula": b"=cmd|'/c calc'!A1.png",
    "name that is dots": b"..",
    "empty name": b"",
}


@dataclass(frozen=True)
class Case:
    """One upload.

    Attributes:
        name: what is hostile in it.
        parts: of the request, sent one after the other.
        harmless: whether it may be read all the same.
        hang_up: whether we leave in the middle of it.
    """

    name: str
    parts: Callable[[], Iterable[bytes]]
    harmless: bool = False
    hang_up: bool = False


def request(method: str, path: str, body: bytes = b"", *headers: str) -> bytes:
    """The bytes of a whole request; Content-Length is set unless a header gives it."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *headers]
    if not any(line.lower().startswith(("content-length", "transfer")) for line in headers):
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def part(name: bytes | None, data: bytes, field: bytes = b"files") -> bytes:
    called = b"" if name is None else b'; filename="' + name + b'"'
    head = b'Content-Disposition: form-data; name="' + field + b'"' + called
    return b"--" + BOUNDARY + b"\r\n" + head + b"\r\n\r\n" + data + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + b"--" + BOUNDARY + b"--\r\n"


def posted(body: bytes, *headers: str, path: str = STUDIES) -> bytes:
    return request("POST", path, body, *(headers or (f"Content-Type: {FORM}",)))


def asked(method: str, path: str, body: object) -> bytes:
    return request(method, path, json.dumps(body).encode(), "Content-Type: application/json")


def endless(head: bytes, chunk: bytes, seconds: float = 60) -> Iterator[bytes]:
    """Chunks for as long as the server takes them."""
    yield request("POST", STUDIES, b"", f"Content-Type: {FORM}", "Transfer-Encoding: chunked")
    ends = time.monotonic() + seconds
    for data in (head, *[chunk] * (ENDLESS_MB * 1_000_000 // len(chunk))):
        if time.monotonic() > ends:
            return
        yield b"%x\r\n%b\r\n" % (len(data), data)


def drip(seconds: float) -> Iterator[bytes]:
    head = part(b"a.png", b"").removesuffix(b"\r\n")
    yield request("POST", STUDIES, head, f"Content-Type: {FORM}", "Content-Length: 1000000")
    ends = time.monotonic() + seconds
    while time.monotonic() < ends:
        time.sleep(0.5)
        yield b"x"


def once(data: bytes) -> Callable[[], Iterable[bytes]]:
    return lambda: [data]


def cases(slow: bool) -> Iterator[Case]:
    for name, data in (archives() | pictures()).items():
        yield Case(name, once(posted(form(part(b"R_CC.png", data)))))
    picture = (demo_folder() / "demo_L-CC.png").read_bytes()
    for name, given in NAMES.items():
        yield Case(f"{name}, junk", once(posted(form(part(given, JUNK)))))
    for name in ("name that climbs out", "name of 5,000 characters", "name that is no UTF-8"):
        body = form(part(NAMES[name], picture))
        yield Case(f"{name}, a picture", once(posted(body)), harmless=True)
    yield from bodies()
    yield from requests()
    yield Case("body whose sender leaves", lambda: drip(1.0), hang_up=True)
    if slow:
        yield Case("body that comes slowly, for a minute", lambda: drip(60))


def bodies() -> Iterator[Case]:
    junk = part(b"a.png", JUNK)
    many = form(*(part(b"a.png", b"x") for _ in range(10_000)))
    wide = b"--" + BOUNDARY + b"\r\nX-Long: " + b"x" * 5_000_000 + b"\r\n\r\n"
    fields = form(*(part(None, b"x", b"f%d" % n) for n in range(10_000)))
    length = "Content-Length: "
    bodies = {
        "multipart without boundary": posted(form(junk), "Content-Type: multipart/form-data"),
        "multipart with another boundary": posted(form(junk), f"Content-Type: {FORM}x"),
        "multipart that does not end": posted(junk),
        "multipart of 10,000 files": posted(many),
        "multipart of 10,000 fields": posted(fields),
        "multipart with a header of 5 MB": posted(wide),
        "part without file name": posted(form(part(None, JUNK))),
        "part of another field": posted(form(part(b"a.png", JUNK, b"elsewhere"))),
        "one field twice": posted(form(junk, junk)),
        "JSON in place of a form": posted(b"{}", "Content-Type: application/json"),
        "no content type": posted(form(junk), "X-None: 1"),
        "no body": posted(b""),
        "negative length": posted(b"", f"Content-Type: {FORM}", f"{length}-1"),
        "length that is no number": posted(b"", f"Content-Type: {FORM}", f"{length}many"),
        "two lengths": posted(junk, f"Content-Type: {FORM}", f"{length}1", f"{length}9"),
        "length of 10^18 bytes": posted(b"", f"Content-Type: {FORM}", f"{length}{10**18}"),
        "chunked and a length": posted(
            b"0\r\n\r\n", f"Content-Type: {FORM}", "Transfer-Encoding: chunked", f"{length}5"
        ),
        "compressed body": posted(form(junk), f"Content-Type: {FORM}", "Content-Encoding: br"),
        "header of 1 MB": posted(b"", f"Content-Type: {FORM}", "X-Long: " + "x" * 1_000_000),
    }
    for name, data in bodies.items():
        yield Case(name, once(data))
    head = part(b"a.png", b"").removesuffix(b"\r\n")
    yield Case(
        f"part without end ({ENDLESS_MB} MB offered)",
        lambda: endless(head, bytes(4_000_000)),
    )
    deep = b"[" * 900_000
    yield Case(
        "JSON of 900,000 brackets",
        once(posted(deep, "Content-Type: application/json", path="/login")),
    )


def requests() -> Iterator[Case]:
    study, image = "0" * 32, f"{STUDIES}/{'0' * 32}/images/0"
    for box in ("NaN", "Infinity", "1e308", "-1e308", "-5", '"x"', "null"):
        body = f'{{"box_px": [{box}, 0, {box}, 9]}}'.encode()
        sent = request("POST", f"{image}/region", body, "Content-Type: application/json")
        yield Case(f"region of {box}", once(sent))
    odd: dict[str, bytes] = {
        "study that climbs out": request("GET", f"{STUDIES}/../../../etc/passwd"),
        "study that climbs out, encoded": request(
            "GET", f"{STUDIES}/%2e%2e%2f%2e%2e%2fetc%2fpasswd"
        ),
        "study with NUL": request("GET", f"{STUDIES}/%00"),
        "study that is SQL": request("GET", f"{STUDIES}/'%20OR%201=1--"),
        "study to delete that climbs out": request("DELETE", f"{STUDIES}/..%2f..%2fdata"),
        "file of the page that climbs out": request("GET", "/assets/..%2f..%2f..%2fapp.py"),
        "absolute file of the page": request("GET", "/assets//etc/passwd"),
        "picture -1": request("GET", f"{STUDIES}/{study}/images/-1/values"),
        "picture 10^40": request("GET", f"{STUDIES}/{study}/images/{10**40}/values"),
        "mark with a note of 900 kB": asked(
            "POST", f"{STUDIES}/{study}/marks", {"note": "x" * 900_000}
        ),
        "verdict that is none": asked("PUT", f"{STUDIES}/{study}/verdict", {"verdict": ["x"]}),
        "study from another site": request(
            "DELETE", f"{STUDIES}/{study}", b"", "Origin: http://evil.example"
        ),
        "another server's name": request("GET", STUDIES).replace(b"127.0.0.1", b"evil.example"),
        "no server's name": request("GET", STUDIES).replace(b"Host: 127.0.0.1\r\n", b""),
        "unknown method": request("JANE", STUDIES),
        "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 hello\r\n\r\n",
    }
    for name, data in odd.items():
        yield Case(name, once(data))


def exchange(port: int, parts: Iterable[bytes], hang_up: bool = False) -> tuple[int, str, bytes]:
    """(status, cookie, body) of the answer; status 0 if there came none."""
    with socket.create_connection(("127.0.0.1", port), timeout=120) as connection:
        with suppress(ConnectionError):
            for data in parts:
                connection.sendall(data)
        if hang_up:
            return 0, "", b""
        answered = bytearray()
        with suppress(ConnectionError, TimeoutError):
            while data := connection.recv(1 << 16):
                answered += data
    head, _, body = bytes(answered).partition(b"\r\n\r\n")
    status = head.split(b" ", 2)[1:2]
    cookie = COOKIE.search(head)
    return (
        int(status[0]) if status and status[0].isdigit() else 0,
        cookie[1].decode("latin-1") if cookie else "",
        body,
    )


class Server:
    """A server of its own below `root`, and what can be seen of it from outside."""

    def __init__(self, root: Path, options: list[str]) -> None:
        self.root, self.data = root, root / "data"
        for name in ("home", "work", "temp"):
            (root / name).mkdir()
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        places = {
            "HOME": "home",
            "TMPDIR": "temp",
            "XDG_CACHE_HOME": "home",
            "XDG_DATA_HOME": "home",
        }
        environment = os.environ | {name: str(root / folder) for name, folder in places.items()}
        environment["PYTHONPATH"] = str(Path(mammoscope.__file__).resolve().parents[1])
        command = [sys.executable, "-m", "mammoscope", "serve", "--port", str(self.port)]
        self.log = (root / "log").open("wb")
        self.process = subprocess.Popen(
            [*command, "--data", str(self.data), *options],
            env=environment,
            cwd=root / "work",
            stderr=self.log,
            stdout=self.log,
        )

    def wait(self) -> None:
        """Return once it answers."""
        for _ in range(600):
            with suppress(OSError):
                if exchange(self.port, [request("GET", "/health")])[0] == 200:
                    return
            if self.process.poll() is not None:
                break
            time.sleep(0.2)
        raise SystemExit("the server does not start:\n" + (self.root / "log").read_text()[-2000:])

    def alive(self) -> bool:
        """Whether it answers."""
        try:
            return exchange(self.port, [request("GET", "/health")])[0] == 200
        except OSError:
            return False

    def job(self, identifier: str, cookie: str) -> dict[str, Any]:
        """The job once it has ended; its reasons are told to the session that sent the files."""
        while True:
            asking = request("GET", f"/api/v1/jobs/{identifier}", b"", f"Cookie: {cookie}")
            _, _, body = exchange(self.port, [asking])
            job: dict[str, Any] = json.loads(body)
            if job["state"] in ("done", "failed"):
                return job
            time.sleep(0.05)

    def outside(self) -> set[str]:
        """Every file outside the data folder."""
        places = [self.root / name for name in ("home", "work", "temp")]
        found = {str(path) for place in places for path in place.rglob("*")}
        found |= {str(path) for path in self.root.iterdir()}
        return found | {
            str(p) for top in ("/", "/tmp", "/etc") for p in Path(top).glob(f"{ESCAPED}*")
        }

    def left(self) -> int:
        """Files that lie in the folder of uploads, once deleting has had its time."""
        for _ in range(40):
            count = sum(1 for _ in (self.data / "uploads").rglob("*"))
            if not count:
                return 0
            time.sleep(0.05)
        return count

    def memory_mb(self) -> float:
        """The most it ever held (Linux)."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return next(int(x.split()[1]) / 1000 for x in status.splitlines() if x.startswith("VmHWM"))


@contextmanager
def serving(options: list[str]) -> Iterator[Server]:
    with tempfile.TemporaryDirectory() as root:
        server = Server(Path(root), options)
        try:
            server.wait()
            yield server
        finally:
            server.process.terminate()
            server.process.wait(30)
            server.log.close()


def outcome(server: Server, case: Case) -> tuple[str, str, bool]:
    """(status, sentence, whether it was refused as it should be)."""
    status, cookie, body = exchange(server.port, case.parts(), case.hang_up)
    if status != 202:
        with suppress(ValueError, KeyError, TypeError):
            return str(status), str(json.loads(body)["detail"]), 400 <= status < 500
        return (
            str(status),
            body[:80].decode("latin-1"),
            400 <= status < 500 or case.hang_up,
        )
    job = server.job(json.loads(body)["job"], cookie)
    reasons = [file["reason"] or file["state"] for file in job["files"]]
    refused = all(file["state"] in ("refused", "failed") for file in job["files"])
    good = refused or case.harmless
    said = reasons[0] if reasons else job["error"]
    return f"202 {job['state']}", f"{len(reasons)}: {said}", good


def check(server: Server, case: Case, before: set[str]) -> bool:
    began = time.perf_counter()
    status, sentence, refused = outcome(server, case)
    faults = [] if refused else ["not refused"]
    if not server.alive():
        faults.append("the server is gone")
    faults += [f"outside: {path}" for path in sorted(server.outside() - before)]
    if left := server.left():
        faults.append(f"{left} left in uploads")
    said = " ".join(sentence.split())[:110]
    took = time.perf_counter() - began
    print(
        f"{case.name:50.50} {status:9} {took:5.1f} s  {'; '.join(faults) or 'ok':12} {said}",
        flush=True,
    )
    return not faults


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--slow", action="store_true", help="also what takes a minute")
    parser.add_argument("--only", default="", help="cases whose name holds this")
    parser.add_argument("--no-try-it", action="store_true", help="without the try-it page")
    given = parser.parse_args()
    with serving(["--no-try-it"] * given.no_try_it) as server:
        start, before = server.memory_mb(), server.outside()
        todo = [case for case in cases(given.slow) if given.only in case.name]
        passed = [check(server, case, before) for case in todo]
        print(f"{sum(passed)} of {len(passed)} as they should be;", end=" ")
        print(f"memory {start:.0f} MB at the start, {server.memory_mb():.0f} MB at most")
    return 0 if all(passed) else 1


if __name__ == "__main__":
    sys.exit(main())
