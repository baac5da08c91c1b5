"""The page that ships was built from the source that ships with it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from pathlib import Path

from mammoscope.web.app import ROOM

SOURCE = ROOM.parent
ROOTS = (
    "built-from.mjs", "index.html", "package-lock.json", "package.json", "src", "tsconfig.json",
    "vite.config.ts",
)  # fmt: skip


def files() -> Iterator[Path]:
    for root in (SOURCE / name for name in ROOTS):
        yield from (p for p in root.rglob("*") if p.is_file()) if root.is_dir() else [root]


def test_the_built_page_is_that_of_the_source() -> None:
    found = hashlib.sha256()
    for name in sorted(path.relative_to(SOURCE).as_posix() for path in files()):
        found.update(f"{name}\0".encode() + (SOURCE / name).read_bytes() + b"\0")
    built = (ROOM / "built-from.txt").read_text().strip()
    assert found.hexdigest() == built, "in src/mammoscope/web/room: npm ci && npm run build"


def test_every_package_in_the_page_may_be_given_on() -> None:
    text = (ROOM / "licences.txt").read_text("utf-8")
    terms = re.findall(r"^(?:@[\w.-]+/)?[\w.-]+ \d+\.\d+\.\d+, (.+)$", text, re.MULTILINE)
    assert len(terms) > 5
    allowed = re.compile(r"\(?(WTFPL OR )?(MIT|BSD-[23]-Clause|Apache-2\.0|ISC)\)?")
    assert [one for one in terms if not allowed.fullmatch(one)] == []


def test_the_page_names_no_other_host() -> None:
    page = (ROOM / "index.html").read_text("utf-8")
    assert "//" not in page
