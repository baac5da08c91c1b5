"""Reports for people and programs: ExamReport to JSON, HTML and overlay pictures."""

from mammoscope.outputs.html import to_html, write_html
from mammoscope.outputs.json_report import schema, to_dict, write_json
from mammoscope.outputs.overlay import overlay, write_overlays

__all__ = [
    "overlay",
    "schema",
    "to_dict",
    "to_html",
    "write_html",
    "write_json",
    "write_overlays",
]
