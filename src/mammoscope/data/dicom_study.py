"""A synthetic exam as a DICOM study in a folder, and the whole variety of kinds for checks.

>>> from mammoscope.data.synth import synthetic_exam
>>> paths = write_study(synthetic_exam(7, height=128), "study")  # doctest: +SKIP
>>> [path.name for path in paths]  # doctest: +SKIP
['R-CC.dcm', 'L-CC.dcm', 'R-MLO.dcm', 'L-MLO.dcm']
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Protocol, get_args

from mammoscope.data.dicom_encoding import SYNTAXES, save
from mammoscope.data.dicom_levels import DicomKind, Photometric, Relationship, Voi
from mammoscope.data.dicom_mammogram import mammogram_dataset
from mammoscope.data.dicom_modules import MODIFIERS
from mammoscope.data.dicom_tomosynthesis import SlicedView, tomosynthesis_dataset

__all__ = ["DicomKind", "ExamOfViews", "every_kind", "usual_kind", "write_study", "write_view"]

_SLICES = 4


class ExamOfViews(Protocol):
    """What is needed of an exam; `SyntheticExam` has it: its views and the woman's seed."""

    @property
    def images(self) -> Sequence[SlicedView]: ...  # noqa: D102
    @property
    def seed(self) -> int: ...  # noqa: D102


def write_study(
    exam: ExamOfViews, folder: str | Path, kinds: Iterable[DicomKind] = (DicomKind(),)
) -> list[Path]:
    """Write every view of an exam in every one of `kinds`, as one study.

    Args:
        exam: its views, in the order of Instance Number.
        folder: made if absent; files of the same names are replaced.
        kinds: at most one each of For Presentation, For Processing and tomosynthesis, which
            are named R-CC.dcm, R-CC_raw.dcm and R-CC_tomo.dcm.

    Returns:
        The files, in the order of `kinds` and then of the views.

    Raises:
        ConfigError: see `mammogram_dataset`; or a file cannot be written.
    """
    folder = Path(folder)
    return [
        write_view(folder / _name(view, kind), view, kind, exam.seed, number)
        for kind in kinds
        for number, view in enumerate(exam.images, start=1)
    ]


def write_view(
    path: str | Path, view: SlicedView, kind: DicomKind, seed: int, number: int = 1
) -> Path:
    """Write one view as one file: a mammogram or, for a kind with slices, a tomosynthesis.

    A breast with an implant is said to have one, whatever `kind` says. Arguments and errors as
    `mammogram_dataset` and `tomosynthesis_dataset`.
    """
    make = tomosynthesis_dataset if kind.slices else mammogram_dataset
    dataset = make(view, kind, seed, number)
    if view.implant is not None:
        dataset.BreastImplantPresent = "YES"
    return save(dataset, path)


def _name(view: SlicedView, kind: DicomKind) -> str:
    ending = "_tomo" if kind.slices else "_raw" if kind.processing else ""
    return f"{view.laterality}-{view.view}{ending}.dcm"


def every_kind() -> list[DicomKind]:
    """All that the writer can vary, without the product of everything with everything.

    Every syntax with every number of bits; every syntax with both polarities, For Presentation
    and For Processing; every window and LUT with every number of bits and both polarities, and
    in every uncompressed encoding; tomosynthesis in every syntax and with every window and LUT;
    every view modifier; implant, magnification and padding. No kind comes twice.
    """
    return list(dict.fromkeys([*_syntaxes(), *_greys(), *_slices(), *_breasts()]))


def usual_kind(syntax: str) -> DicomKind:
    """A For Presentation image in that syntax, of 12 bits where it holds them.

    Raises:
        ConfigError: the syntax is not a key of SYNTAXES.
    """
    return DicomKind(syntax, _usual(syntax))


def _usual(syntax: str) -> int:
    known = SYNTAXES.get(syntax)
    return 12 if known is None or 12 in known.bits else known.bits[0]


def _syntaxes() -> Iterator[DicomKind]:
    for name, syntax in SYNTAXES.items():
        for bits in syntax.bits:
            yield DicomKind(name, bits)
        for photometric in get_args(Photometric):
            yield DicomKind(name, _usual(name), "presentation", photometric)
            for relationship in get_args(Relationship):
                yield DicomKind(
                    name, _usual(name), "processing", photometric, relationship=relationship
                )


def _greys() -> Iterator[DicomKind]:
    bits = SYNTAXES["explicit"].bits
    for voi, stored, photometric in product(get_args(Voi), bits, get_args(Photometric)):
        yield DicomKind("explicit", stored, photometric=photometric, voi=voi)
    uncompressed = [name for name, syntax in SYNTAXES.items() if not syntax.compressed]
    for voi, name in product(get_args(Voi), uncompressed):
        yield DicomKind(name, voi=voi)


def _slices() -> Iterator[DicomKind]:
    for name in SYNTAXES:
        yield DicomKind(name, _usual(name), slices=_SLICES)
    for voi, bits in product(get_args(Voi), (10, 16)):
        yield DicomKind("explicit", bits, voi=voi, slices=_SLICES)


def _breasts() -> Iterator[DicomKind]:
    for modifier in MODIFIERS:
        yield DicomKind(modifiers=(modifier,), implant=modifier == "implant displaced")
    yield DicomKind(modifiers=("spot", "magnification"), magnification=1.8)
    yield DicomKind(implant=True, slices=_SLICES)
    for photometric, voi in product(get_args(Photometric), get_args(Voi)):
        yield DicomKind(photometric=photometric, voi=voi, padded=True)
