"""Files to Mammogram to Exam: the only place that reads pixels from files."""

from mammoscope.io.dicom import read_dicom
from mammoscope.io.exam import ExamFiles, load_exam, read_exam, scan
from mammoscope.io.image import read_image
from mammoscope.io.mammogram import read_mammogram, read_picture

__all__ = [
    "ExamFiles",
    "load_exam",
    "read_dicom",
    "read_exam",
    "read_image",
    "read_mammogram",
    "read_picture",
    "scan",
]
