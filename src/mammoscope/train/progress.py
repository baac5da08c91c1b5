"""What a training shows while it runs: a live line on stderr, metrics, TensorBoard, curves."""

from __future__ import annotations

import json
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from mammoscope.files import drafted
from mammoscope.train.loop import Sums

METRICS, CURVES = "metrics.jsonl", "curves.png"
WATCHED = ("watch_auc", "held_out_auc")
"""Records' names of an AUC, the one that is shown first."""


class LiveProgress:
    """Epoch, loss, AUC, images a second and time left, on stderr; a line an epoch without terminal.

    Args:
        part: what is trained, such as "fold 0".
        epochs: of the training.
        steps: of an epoch.
        shown: false to say nothing (all processes but the first).
    """

    def __init__(self, part: str, epochs: int, steps: int, *, shown: bool = True) -> None:
        self.part, self.epochs, self.steps, self.shown = part, epochs, steps, shown
        self.console = Console(stderr=True, soft_wrap=True)
        self.auc = ""
        self.progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[told]}"),
            TimeRemainingColumn(),
            console=self.console,
            disable=not (shown and self.console.is_terminal),
        )
        self.task = self.progress.add_task(part, total=epochs * steps, told="")

    def __enter__(self) -> Self:
        self.progress.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.progress.stop()

    def step(self, epoch: int, sums: Sums) -> None:
        """Show where the epoch stands."""
        loss = sums.losses.get("loss", 0.0) / max(sums.steps, 1)
        rate = sums.images / max(sums.seconds, 1e-9)
        self.progress.update(
            self.task,
            completed=epoch * self.steps + sums.steps,
            description=f"{self.part}, epoch {epoch + 1}/{self.epochs}",
            told=f"loss {loss:.3f}{self.auc}, {rate:.1f} images/s",
        )

    def epoch(self, record: dict[str, Any]) -> None:
        """Show the record of a whole epoch."""
        auc = next((record[name] for name in WATCHED if name in record), None)
        self.auc = "" if auc is None else f", AUC {auc:.3f}"
        if self.shown and not self.console.is_terminal:
            self.console.print(
                f"{self.part}, epoch {record['epoch']}/{self.epochs}: loss {record['loss']:.4f}"
                f"{self.auc}, {record['images_per_s']:.1f} images/s",
                highlight=False,
            )


def write_metrics(folder: Path, history: list[dict[str, Any]]) -> None:
    """All records so far, a line each, to metrics.jsonl."""
    with drafted(folder / METRICS) as draft:
        draft.write_text("".join(json.dumps(record) + "\n" for record in history), "utf-8")


def write_tensorboard(folder: Path, history: list[dict[str, Any]]) -> None:
    """The newest record for TensorBoard, if that is installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return
    epoch = history[-1]["epoch"]
    with SummaryWriter(str(folder / "tensorboard"), purge_step=epoch) as writer:
        for name, value in history[-1].items():
            if isinstance(value, float):
                writer.add_scalar(name, value, epoch)


def write_curves(folder: Path, history: list[dict[str, Any]]) -> None:
    """Draw curves.png: losses, and AUC and accuracy, over the epochs."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 3.6), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    for name in history[-1]:
        shown = [(record["epoch"], record[name]) for record in history if name in record]
        score = name.endswith(("auc", "accuracy"))
        if score or name in ("loss", "classes", "density", "map"):
            (right if score else left).plot(*zip(*shown, strict=True), marker=".", label=name)
    for axes, title in ((left, "loss"), (right, "AUC and accuracy")):
        axes.set(title=title, xlabel="epoch")
        axes.legend(frameon=False)
    with drafted(folder / CURVES) as draft:
        figure.savefig(draft, format="png", dpi=110)
