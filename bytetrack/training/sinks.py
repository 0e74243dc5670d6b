"""Sinks for a run's figures and images: TensorBoard, a table, or a tracking service. A new one is a class and its name in `SINKS`."""

from __future__ import annotations

import csv
import logging
from collections.abc import Mapping, Sequence
from functools import partialmethod
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np

from bytetrack.errors import first_line
from bytetrack.interfaces import Image
from bytetrack.scoring.detection import HEADLINE
from bytetrack.training.losses import Losses

__all__ = ["Metrics", "Sink", "check_logger", "open_sink"]

log = logging.getLogger(__name__)

COLUMNS = (
    "step",
    "schedule/epoch",
    *(f"loss/{name}" for name in Losses._fields),
    "schedule/learning_rate",
    *(f"speed/{name}" for name in ("images_per_second", "data_wait", "gpu_memory_gib")),
    *(f"ap/{name}" for name in HEADLINE),
)
"""Of `metrics.csv`: the names that every sink has."""


class Sink:
    """Takes what a run has to show; here, nothing. Steps count from 1; pictures are uint8 (H, W, 3) RGB."""

    package: str | None = None
    """The packages that it needs."""

    def __init__(self, folder: Path, start: int) -> None:
        """Opens the sink in `folder`; what an interrupted run wrote beyond step `start` is dropped."""

    def scalars(self, values: Mapping[str, float], step: int) -> None: ...

    def pictures(self, name: str, pictures: Sequence[Image], step: int) -> None: ...

    def settings(self, text: str, step: int) -> None: ...

    def compared(self, values: Mapping[str, float | str | bool], scores: Mapping[str, float]) -> None:
        """Writes the numbers that runs are compared by, with their results."""

    def close(self) -> None: ...


class TensorBoard(Sink):
    """Event files beside the checkpoints."""

    def __init__(self, folder: Path, start: int) -> None:
        from torch.utils.tensorboard import SummaryWriter

        self._writer: Any = SummaryWriter(str(folder), purge_step=start + 1 if start else None)

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        for name, value in values.items():
            self._writer.add_scalar(name, value, step)

    def pictures(self, name: str, pictures: Sequence[Image], step: int) -> None:
        self._writer.add_images(name, np.stack(pictures), step, dataformats="NHWC")

    def settings(self, text: str, step: int) -> None:
        self._writer.add_text("settings", f"```\n{text}\n```", step)

    def compared(self, values: Mapping[str, float | str | bool], scores: Mapping[str, float]) -> None:
        self._writer.add_hparams(dict(values), dict(scores), run_name="hyper_parameters")

    def close(self) -> None:
        self._writer.close()


class Metrics(Sink):
    """`metrics.csv`, a row for every step that was logged or evaluated after; a journal, which grows line by line."""

    def __init__(self, folder: Path, start: int) -> None:
        path = folder / "metrics.csv"
        kept = []
        if start and path.is_file():
            with path.open(newline="", encoding="utf-8") as file:
                rows = [row for row in csv.reader(file) if len(row) == len(COLUMNS)]
            kept = [row for row in rows if row[0].isdigit() and int(row[0]) <= start]
        self._row: dict[str, float] = {}
        self._file = path.open("w", newline="", encoding="utf-8")
        self._table = csv.writer(self._file)
        self._table.writerows([COLUMNS, *kept])
        self._file.flush()

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        if self._row.get("step") != step:
            self._write()
            self._row = {"step": step}
        self._row.update(values)

    def close(self) -> None:
        self._write()
        self._file.close()

    def _write(self) -> None:
        if self._row:
            self._table.writerow([_figure(self._row.get(name)) for name in COLUMNS])
            self._file.flush()


def _figure(value: float | None) -> str:
    return "" if value is None else str(value) if isinstance(value, int) else f"{value:.6g}"


def _begun(name: Path, start: int) -> str | None:
    """Returns the service's id, noted in the file `name`, of the run that goes on after step `start`; None for a run that is new to it."""
    return name.read_text(encoding="utf-8").strip() if start and name.is_file() else None


class WeightsAndBiases(Sink):
    """A run of wandb, named after the run folder; it goes on with the folder's own."""

    package = "wandb"

    def __init__(self, folder: Path, start: int) -> None:
        wandb: Any = import_module("wandb")

        name = folder / "wandb_run.txt"
        known = _begun(name, start)
        self._wandb: Any = wandb
        self._run: Any = wandb.init(project="bytetrack", name=folder.name, dir=str(folder), id=known, resume="allow")
        name.write_text(str(self._run.id), encoding="utf-8")

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        self._run.log(dict(values), step=step)

    def pictures(self, name: str, pictures: Sequence[Image], step: int) -> None:
        self._run.log({name: [self._wandb.Image(picture) for picture in pictures]}, step=step)

    def compared(self, values: Mapping[str, float | str | bool], scores: Mapping[str, float]) -> None:
        self._run.config.update(dict(values), allow_val_change=True)
        self._run.summary.update(dict(scores))

    def close(self) -> None:
        self._run.finish()


class MLflow(Sink):
    """A run of mlflow in the experiment `bytetrack`, named after the run folder; it goes on with the folder's own."""

    package = "mlflow"

    def __init__(self, folder: Path, start: int) -> None:
        mlflow: Any = import_module("mlflow")

        name = folder / "mlflow_run.txt"
        known = _begun(name, start)
        self._mlflow: Any = mlflow
        mlflow.set_experiment("bytetrack")
        run = mlflow.start_run(run_id=known, run_name=None if known else folder.name)
        self._id = str(run.info.run_id)
        name.write_text(self._id, encoding="utf-8")

    def scalars(self, values: Mapping[str, float], step: int) -> None:
        self._mlflow.log_metrics(dict(values), step=step)

    def pictures(self, name: str, pictures: Sequence[Image], step: int) -> None:
        for number, picture in enumerate(pictures):
            self._mlflow.log_image(picture, key=f"{name}_{number}", step=step)

    def settings(self, text: str, step: int) -> None:
        self._mlflow.log_text(text, "settings.json")

    def compared(self, values: Mapping[str, float | str | bool], scores: Mapping[str, float]) -> None:
        known = self._mlflow.get_run(self._id).data.params  # which mlflow does not let change
        self._mlflow.log_params({name: value for name, value in values.items() if name not in known})
        self._mlflow.set_tags({f"now.{name}": value for name, value in values.items() if name in known and known[name] != str(value)})
        self._mlflow.log_metrics({f"best/{name}": value for name, value in scores.items()})

    def close(self) -> None:
        self._mlflow.end_run()


SINKS: dict[str, type[Sink]] = {"tensorboard": TensorBoard, "csv": Sink, "wandb": WeightsAndBiases, "mlflow": MLflow}
"""By the name of `train.logger`; `metrics.csv` is written whatever it is."""


def open_sink(name: str, folder: Path, start: int) -> Sink:
    """Opens the sink `name`. OSError if it is a service that does not begin; one that fails later is told of once, and the run goes on."""
    return SINKS[name](folder, start) if SINKS[name].package is None else _Service(name, folder, start)


class _Service(Sink):
    def __init__(self, name: str, folder: Path, start: int) -> None:
        self._name, self._told = name, False
        try:
            self._sink = SINKS[name](folder, start)
        except Exception as error:  # each package has its own
            raise OSError(f"train.logger={name} cannot start ({first_line(error)}): choose tensorboard or csv, or set it up") from error

    def _pass(self, call: str, *arguments: Any) -> None:
        try:
            getattr(self._sink, call)(*arguments)
        except Exception as error:
            if not self._told:
                log.warning("train.logger=%s fails (%s): training continues, metrics.csv has every value", self._name, first_line(error))
            self._told = True

    scalars = partialmethod(_pass, "scalars")
    pictures = partialmethod(_pass, "pictures")
    settings = partialmethod(_pass, "settings")
    compared = partialmethod(_pass, "compared")
    close = partialmethod(_pass, "close")


def check_logger(name: str) -> None:
    """Raises ModuleNotFoundError if the package of the sink `name` is not installed."""
    package = SINKS[name].package
    if package is not None and find_spec(package) is None:
        raise ModuleNotFoundError(f"train.logger={name} needs the package {package}: pip install {package}, or choose tensorboard or csv")
