"""Any readable file to a Mammogram that a model may judge.

The steps are the same for DICOM and for images: read; turn a negative over; refuse what is no
mammogram; check the side against the picture.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mammoscope.anatomy import (
    breast_mask,
    invert,
    reduced_grey,
    side_of_mask,
    white_background,
)
from mammoscope.errors import RefusedError
from mammoscope.io.dicom import is_dicom, read_dicom, read_dicom_shown
from mammoscope.io.display import Display, as_shown
from mammoscope.io.image import read_bytes, read_image
from mammoscope.io.screen import screened
from mammoscope.types import Laterality, Mammogram

HEAD_BYTES = 4096
_SIDES = {"L": "left", "R": "right"}


def read_picture(path: str | Path) -> Mammogram:
    """Read one file, DICOM or image, of any modality: nothing is turned over or refused for it.

    For ultrasound, crops around lesions and masks.

    Args:
        path: the file.

    Returns:
        Pixels (height, width) in the polarity they are stored in.

    Raises:
        ReadError: the file cannot be read; the subclass says why.
    """
    is_dicom_file = is_dicom(read_bytes(path, HEAD_BYTES))
    return read_dicom(Path(path)) if is_dicom_file else read_image(path)


def read_mammogram(path: str | Path) -> Mammogram:
    """Read one file, DICOM or image, decided by its bytes.

    A picture whose air is white is turned over, with a warning. Where a tag or name contradicts
    the side of the picture that the chest wall is on, it is kept and a warning added. Where
    neither gives the laterality it stays unknown: most digital systems store the left breast
    with its chest wall on the left, but one machine of rsna2022 stores two women in five
    mirrored, and films are mirrored nearly always, so the picture does not tell.

    Args:
        path: the file.

    Returns:
        A Mammogram in For Presentation sense: the air is dark.

    Raises:
        ReadError: the file cannot be read; the subclass says why.
        RefusedError: it can, but is blank, in colour, or shows something else than a breast.
    """
    return as_mammogram(read_picture(path))


def read_shown(path: str | Path) -> tuple[Mammogram, Display]:
    """The same, and what a viewer needs that windows the image itself; the file is decoded once.

    Args:
        path: the file.

    Returns:
        The Mammogram; and its values before the file's window, or its own grey levels where those
        hold as much.

    Raises:
        ReadError, RefusedError: as `read_mammogram`.
    """
    if not is_dicom(read_bytes(path, HEAD_BYTES)):
        mammogram = read_mammogram(path)
        return mammogram, as_shown(mammogram)
    picture, display = read_dicom_shown(Path(path))
    mammogram = as_mammogram(picture)
    return mammogram, display or as_shown(mammogram)


def as_mammogram(picture: Mammogram) -> Mammogram:
    """Turn a picture over if it is a negative, refuse what is no mammogram, warn of the unusual.

    Args:
        picture: from `read_picture`.

    Returns:
        As `read_mammogram` does; its warnings hold the sentence of each `screen.Doubt`.

    Raises:
        RefusedError: it is blank or shows something else than a breast.
    """
    small = reduced_grey(picture.pixels)
    image = picture
    if white_background(small):
        image, small = _turned_over(picture), invert(small)
    reason, doubts = screened(small)
    if reason is not None:
        raise RefusedError(image.path, reason, "give a mammogram of one breast")
    mask = breast_mask(small)
    doubted = replace(image, warnings=(*image.warnings, *doubts))
    return _sided(doubted, side_of_mask(mask)).outlined(mask)


def _turned_over(image: Mammogram) -> Mammogram:
    told = "The background was white: the picture is a negative and was turned over."
    return replace(
        image,
        pixels=invert(image.pixels),
        provenance={**image.provenance, "polarity": "picture: white background, turned over"},
        warnings=(*image.warnings, told),
    )


def _sided(image: Mammogram, seen: Laterality | None) -> Mammogram:
    """Compare the laterality with the picture; say what is missing or does not fit."""
    if seen is None or seen == image.laterality:
        return image
    where = f"the chest wall is on the {_SIDES[seen]} side of the picture"
    if image.laterality is None:
        told = (
            f"Neither tag nor file name says which breast this is; {where}, which proves nothing."
        )
    else:
        told = (
            f"Laterality {image.laterality} ({image.provenance.get('laterality', 'the file')}) was "
            f"kept, although {where}: some systems store the mirror image, else the mark is wrong."
        )
    provenance = {**image.provenance, "chest_wall": f"picture: {_SIDES[seen]} side"}
    return replace(image, provenance=provenance, warnings=(*image.warnings, told))
