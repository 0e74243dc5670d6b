"""Detects with ONNX Runtime and any of its providers; torch is not needed."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt

from bytetrack.detection.exported import ExportedDetector
from bytetrack.detection.loaded import Model, Port
from bytetrack.detection.settings import LAYERS, DetectorSettings
from bytetrack.errors import FormatError
from bytetrack.onnx_sessions import failure, onnx_runtime, open_session

__all__ = ["PROVIDERS", "Onnx"]

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
}
USER = "detector=onnx"
IMAGES = ("float32", "float16", "uint8")
ON_CUDA = ("CUDAExecutionProvider", "TensorrtExecutionProvider")


class Onnx(ExportedDetector):
    """Detects with an ONNX file: YOLOX from `tools/export.py`, described by its metadata, or another detector of a known layout.

    Raises ValueError for a setting out of range, MissingDataError for a missing file; at the first image, ModuleNotFoundError without
    onnxruntime, FormatError for a file that no layout fits, ValueError if a setting contradicts the file.

    Args:
        weights: The .onnx file.
        providers: Of `PROVIDERS`, or ONNX Runtime's own names; tried in the given order for each node.
        layout: One of `LAYOUTS`; None: detected from the file's outputs.
        input_size: Height and width; None: the file's. It must not contradict the file.
        convention: One of `CONVENTIONS`; None: the file's metadata, else the layout's.
        fit: One of `FITS`; None: the layout's.
        classes: Names or numbers to keep, None for all; ignored if the file has a single class.
        class_names: Names of the classes by number, `coco` or `coco91`; None: the file's metadata.
        min_score: As for `Yolox`; None: that of the suppression inside the file, else 0.01.
        nms_iou: The same, else 0.7.
        max_detections: The same, else 1000.
        batch_size: Images per batch, if the file's batch size is dynamic.
        threads: Threads of the CPU provider; 0: automatic.
    """

    name = "ONNX"

    def __init__(
        self,
        weights: str | Path,
        providers: Sequence[str] = ("cpu",),
        layout: str | None = None,
        input_size: Sequence[int] | None = None,
        convention: str | None = None,
        fit: str | None = None,
        classes: Sequence[str | int] | None = ("person",),
        class_names: Sequence[str] | str | None = None,
        min_score: float | None = None,
        nms_iou: float | None = None,
        max_detections: int | None = None,
        batch_size: int = 4,
        threads: int = 0,
    ) -> None:
        self.providers = list(providers)
        if not self.providers:
            raise ValueError(f"expected at least one provider of {', '.join(PROVIDERS)}: got {self.providers}")
        settings = DetectorSettings.of(
            classes,
            class_names,
            input_size,
            layout=layout,
            convention=convention,
            fit=fit,
            min_score=min_score,
            nms_iou=nms_iou,
            max_detections=max_detections,
            batch_size=batch_size,
            threads=threads,
        )
        super().__init__(weights, settings)

    @property
    def on_cpu(self) -> bool:
        return self.providers == ["cpu"] and super().on_cpu

    def open(self) -> Model:
        session = self._session()
        inputs, outputs = (_ports(ports, self.weights) for ports in (session.get_inputs(), session.get_outputs()))
        source = next(iter(inputs))
        if self.settings.described is None and len(outputs) > len(LAYERS.keys() & outputs.keys()):
            outputs = {name: port for name, port in outputs.items() if name not in LAYERS}  # nobody asks for what describes boxes
        if inputs[source].type not in IMAGES:
            raise FormatError(f"{self.weights}: expected images as {', '.join(IMAGES)}, got {inputs[source].type}")
        alone = len(inputs) == len(outputs) == 1 and session.get_providers()[0] in ON_CUDA
        call = bound(session) if alone else None

        def run(batch: npt.NDArray[Any], **others: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
            try:
                found = [call(batch)] if call else session.run(list(outputs), {source: batch, **others})
            except Exception as error:  # onnxruntime's errors share no base but Exception
                raise failure(self.weights, "run", error) from error
            return dict(zip(outputs, found, strict=True))

        properties = session.get_modelmeta().custom_metadata_map
        return Model(run, inputs, outputs, properties, f"ONNX Runtime, {', '.join(session.get_providers())}")

    def _session(self) -> Any:
        names = [PROVIDERS.get(name, name) for name in self.providers]
        there = onnx_runtime(USER).get_available_providers()
        absent = [name for name in names if name not in there]
        if absent:
            raise ValueError(f"providers: {', '.join(absent)} not in this onnxruntime, found {', '.join(there)}: install its package")
        session = open_session(self.weights, USER, self.settings.threads, names)
        idle = [name for name in names if name not in session.get_providers()]
        if idle:
            raise ValueError(f"providers: {', '.join(idle)} cannot start, left are {', '.join(session.get_providers())}: its libraries?")
        return session


def _ports(ports: Any, weights: Path) -> dict[str, Port]:
    """Returns inputs or outputs of a session by name; FormatError if one is no tensor."""
    found = {}
    for port in ports:
        if not port.type.startswith("tensor("):
            raise FormatError(f"{weights}: expected tensors in and out, {port.name} is {port.type}")
        kind = {"float": "float32", "double": "float64"}.get(port.type[7:-1], port.type[7:-1])
        found[port.name] = Port(tuple(side if isinstance(side, int) else None for side in port.shape), kind)
    return found


def bound(session: Any, device: str = "cuda") -> Callable[[npt.NDArray[Any]], npt.NDArray[Any]]:
    """Returns the session as a function whose input stays in one place on `device` while its shape stays; each thread has its own."""
    from onnxruntime import OrtValue

    own = threading.local()
    source, target = session.get_inputs()[0].name, session.get_outputs()[0].name

    def run(batch: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if getattr(own, "shape", None) != batch.shape:
            own.shape, own.binding, own.input = batch.shape, session.io_binding(), OrtValue.ortvalue_from_numpy(batch, device, 0)
            own.binding.bind_ortvalue_input(source, own.input)
        else:
            own.input.update_inplace(batch)
        own.binding.clear_binding_outputs()
        own.binding.bind_output(target)  # anew: the number of rows may be another
        session.run_with_iobinding(own.binding)
        output: npt.NDArray[Any] = own.binding.copy_outputs_to_cpu()[0]
        return output

    return run
