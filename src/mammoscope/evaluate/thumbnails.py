"""Small pictures of the cases a model judged worst, read by the program's own reader."""

from __future__ import annotations

import textwrap
from html import escape
from pathlib import Path

import cv2

from mammoscope.anatomy import reduced
from mammoscope.errors import ReadError
from mammoscope.evaluate.wording import Report
from mammoscope.io import read_mammogram

SIDE = 220
"""Longest side of a thumbnail in pixels."""
_QUALITY = 80
_LINE = 24
_LINES = 8


def draw(report: Report) -> dict[str, bytes]:
    """A picture of each image of the report's misses.

    Args:
        report: the dict that `written.write_all` takes; `misses[i]["images"]` are files.

    Returns:
        "miss_0_1" is the second image of the first miss: a grey JPEG, or an SVG that says why
        there is none. Neither tells the file's name, which often holds the patient's.
    """
    return {
        f"miss_{place}_{number}": thumbnail(Path(path))
        for place, miss in enumerate(report["misses"])
        for number, path in enumerate(miss["images"])
    }


def thumbnail(path: Path) -> bytes:
    """One file as a grey JPEG of at most SIDE pixels a side; an SVG tile if it cannot be read."""
    try:
        pixels = read_mammogram(path).pixels
    except ReadError as error:
        return _tile(error.reason)
    small = reduced(pixels, SIDE)
    _, jpeg = cv2.imencode(".jpg", small, (cv2.IMWRITE_JPEG_QUALITY, _QUALITY))
    return jpeg.tobytes()


def _tile(reason: str) -> bytes:
    lines = ["No picture:", *textwrap.wrap(reason, _LINE)[:_LINES]]
    texts = "".join(
        f'<text x="12" y="{30 + 20 * place}">{escape(line)}</text>'
        for place, line in enumerate(lines)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {SIDE} {SIDE}">'
        f'<rect width="{SIDE}" height="{SIDE}" fill="#dde2e5"/>'
        f'<g fill="#49545b" font-family="sans-serif" font-size="14">{texts}</g></svg>'
    ).encode()
