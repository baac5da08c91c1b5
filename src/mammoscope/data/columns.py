"""The columns of a manifest, one description of each: what they mean and what they may hold.

docs/manifest.md is made from this, and `mammoscope.data.manifest` checks by it. An unknown value
is empty, never 0.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "choice", "integer", "number"]


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: as in the file's first line.
        kind: what its values are; "integer" and "number" have bounds, "choice" has choices.
        meaning: one sentence for the documentation.
        choices: the values allowed, for a choice.
        low: least value allowed.
        high: largest value allowed.
        required: whether it must be there and filled in every row.
    """

    name: str
    kind: Kind
    meaning: str
    choices: tuple[str, ...] = ()
    low: float = float("-inf")
    high: float = float("inf")
    required: bool = False

    @property
    def allowed(self) -> str:
        """What may stand in it, in words."""
        if self.kind == "choice":
            return ", ".join(self.choices)
        if self.kind == "text":
            return "text"
        article = "a whole number" if self.kind == "integer" else "a number"
        if self.low == float("-inf"):
            return article
        if self.high == float("inf"):
            return f"{article} from {self.low:g}"
        return f"{article} from {self.low:g} to {self.high:g}"


YES_NO = ("0", "1")
PATHOLOGIES = ("normal", "benign", "malignant")
KINDS = ("mass", "calcification", "distortion", "asymmetry", "other")

IMAGES = (
    Column("image_path", "text", "The image file, from the manifest's folder.", required=True),
    Column("dataset", "text", "Short name of the data set.", required=True),
    Column(
        "patient_id",
        "text",
        "The woman, as the data set codes her; splits never part her images.",
        required=True,
    ),
    Column("exam_id", "text", "Images taken on one occasion share it."),
    Column("laterality", "choice", "The breast.", ("L", "R")),
    Column("view", "text", "DICOM view code in capitals: CC, MLO, ML, LM, AT ..."),
    Column(
        "modality",
        "choice",
        "How the picture was made.",
        ("mammography", "ultrasound", "histology"),
        required=True,
    ),
    Column("cancer", "choice", "Whether this image holds a proven cancer.", YES_NO),
    Column(
        "pathology",
        "choice",
        "Worst finding in the image; benign means benign by pathology or follow-up.",
        PATHOLOGIES,
    ),
    Column("birads", "integer", "BI-RADS assessment category; 4a to 4c are 4.", low=0, high=6),
    Column("density", "choice", "BI-RADS breast density.", ("A", "B", "C", "D")),
    Column("finding", "choice", "Whether any finding was marked or reported.", YES_NO),
    Column("age", "number", "Age of the woman at the exam, years.", low=0, high=120),
    Column("implant", "choice", "Whether the breast has an implant.", YES_NO),
    Column("site_id", "text", "The hospital, as the data set codes it."),
    Column("machine_id", "text", "The machine or vendor, as the data set codes it."),
    Column("label_text", "text", "The data set's own words, where no column above holds them."),
    Column("duplicate_group", "text", "Images known to show the same picture share it."),
    Column("split", "text", "Part this image belongs to: train, valid, test or a fold's number."),
    Column("split_rule", "text", "The rule that made the split, and its hash."),
    Column("sha256", "text", "Of the image file, 64 hexadecimal digits."),
)

FINDINGS = (
    Column("image_path", "text", "The image, as in the images table.", required=True),
    Column("finding_id", "text", "The same lesion has the same one in all its images."),
    Column("kind", "choice", "What was seen.", KINDS),
    Column(
        "outline",
        "choice",
        "How its place is given; empty if it is not known.",
        ("box", "circle", "polygon", "mask"),
    ),
    Column("x1_px", "number", "Left edge of the enclosing box, source pixels."),
    Column("y1_px", "number", "Upper edge."),
    Column("x2_px", "number", "Right edge; pixel c covers c to c + 1."),
    Column("y2_px", "number", "Lower edge."),
    Column("polygon_px", "text", "Corners as 'x,y x,y ...', source pixels, for a polygon."),
    Column("mask_path", "text", "Mask file from the manifest's folder, for a mask."),
    Column("pathology", "choice", "Of this finding.", PATHOLOGIES),
    Column("birads", "integer", "BI-RADS category of this finding.", low=0, high=6),
    Column("mass_shape", "text", "Of a mass, in the data set's words."),
    Column("mass_margin", "text", "Of a mass, in the data set's words."),
    Column("calc_type", "text", "Of calcifications, in the data set's words."),
    Column("calc_distribution", "text", "Of calcifications, in the data set's words."),
    Column("label_text", "text", "The data set's own words, where no column above holds them."),
)
