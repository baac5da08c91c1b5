"""What a stream of training samples is made from: its options, and real images without a lesion."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

from mammoscope.data.lesions import KINDS
from mammoscope.data.lesions.description import Kind
from mammoscope.data.manifest import Manifest
from mammoscope.data.synth_tissue import DENSE_AREA
from mammoscope.errors import ConfigError
from mammoscope.types import Laterality


@dataclass(frozen=True)
class StreamOptions:
    """What the samples of a stream are like.

    Attributes:
        seed: not negative; names the stream.
        rows: of the synthetic pictures; real ones keep their size.
        synthetic: share of synthetic samples where normal images are given, 0 to 1.
        healthy: share of samples without a lesion, 0 to 1, the same in both origins.
        malignant: share of the lesions that are malignant, 0 to 1.
        film: share of the synthetic pictures that look like films, 0 to 1.
        kinds: of lesions, drawn evenly; one named twice comes twice as often.
        densities: chances of the synthetic breasts' BI-RADS grades A to D, of any sum. The usual
            ones are Sprague et al., JNCI 2014;106:dju255, rounded.
        field_aspect: true width / height of real images that were squashed, see `survey`.
    """

    seed: int = 0
    rows: int = 640
    synthetic: float = 1 / 3
    healthy: float = 0.25
    malignant: float = 0.6
    film: float = 0.3
    kinds: tuple[Kind, ...] = KINDS
    densities: tuple[float, float, float, float] = (0.1, 0.4, 0.4, 0.1)
    field_aspect: float | None = None

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ConfigError(f"seed is {self.seed}; give a whole number from 0 upwards.")
        if not 96 <= self.rows <= 8192:
            raise ConfigError(f"rows is {self.rows}; give 96 to 8192.")
        for name in ("synthetic", "healthy", "malignant", "film"):
            if not 0 <= getattr(self, name) <= 1:
                raise ConfigError(f"{name} is {getattr(self, name)}; give a share from 0 to 1.")
        if not self.kinds or not set(self.kinds) <= set(KINDS):
            raise ConfigError(f"kinds is {self.kinds!r}; give some of {', '.join(KINDS)}.")
        self._check_reals()

    def _check_reals(self) -> None:
        weights = self.densities
        fit = all(math.isfinite(weight) and weight >= 0 for weight in weights)
        if len(weights) != len(DENSE_AREA) or not fit or not sum(weights):
            raise ConfigError(f"densities is {weights!r}; give four chances, of A, B, C and D.")
        if self.field_aspect is not None and not 0.1 < self.field_aspect < 10:
            raise ConfigError(f"field_aspect is {self.field_aspect}; give width / height or None.")


@dataclass(frozen=True)
class Normal:
    """A real image without a lesion.

    Attributes:
        path: its file.
        laterality, view: as the manifest tells; None where it does not.
        density: BI-RADS grade, "A" to "D", or None.
        group: of all images of one woman.
    """

    path: Path
    laterality: Laterality | None
    view: str | None
    density: str | None
    group: str


def normals_of(manifest: Manifest) -> tuple[Normal, ...]:
    """The mammograms of a manifest that hold no cancer, no finding and no implant.

    Raises:
        ConfigError: there is none.
    """
    table = manifest.images
    fit = table["modality"].eq("mammography") & table["cancer"].eq("0")
    fit &= table["finding"].ne("1") & table["pathology"].isin(["", "normal"])
    fit &= table["implant"].ne("1") & ~table["image_path"].isin(manifest.findings["image_path"])
    found = tuple(_normal(manifest, row) for row in table[fit].to_dict("records"))
    if not found:
        raise ConfigError(
            f"{manifest.folder}: no mammogram with cancer 0 and without a finding; give a manifest "
            "that has normal images."
        )
    return found


def _normal(manifest: Manifest, row: dict[str, str]) -> Normal:
    sides: dict[str, Laterality] = {"L": "L", "R": "R"}
    return Normal(
        manifest.path(row["image_path"]),
        sides.get(row["laterality"]),
        row["view"] or None,
        row["density"] or None,
        f"{row['dataset']} {row['patient_id']}",
    )
