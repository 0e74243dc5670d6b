"""YOLOX through ONNX Runtime: one file, any of its providers, the same detections as torch, which is not needed for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bytetrack.detection.exported import ExportedDetector, Floats, Model
from bytetrack.detection.settings import DetectorSettings, check_input_size
from bytetrack.errors import FormatError

__all__ = ["PROVIDERS", "Onnx"]

PROVIDERS = {
    "cpu": "CPUExecutionProvider",
    "cuda": "CUDAExecutionProvider",
    "tensorrt": "TensorrtExecutionProvider",
    "openvino": "OpenVINOExecutionProvider",
    "coreml": "CoreMLExecutionProvider",
}
TYPES: dict[str, type[np.number[Any]]] = {"tensor(float)": np.float32, "tensor(float16)": np.float16, "tensor(uint8)": np.uint8}
ON_CUDA = ("CUDAExecutionProvider", "TensorrtExecutionProvider")


class Onnx(ExportedDetector):
    """Detects with a YOLOX in an ONNX file: made by `tools/export.py`, whose metadata describe it, or by YOLOX's own exporter.

    ValueError for a setting out of its range, MissingDataError for a missing file; at the first image, ModuleNotFoundError without
    onnxruntime, FormatError for a file that is not such a YOLOX, ValueError if a setting contradicts the file.

    Args:
        weights: The .onnx file.
        providers: Of `PROVIDERS`, tried in this order by ONNX Runtime for every node, or its own names.
        input_size: Height and width; None takes the file's, which it must not contradict.
        convention: None takes the file's metadata, else `bgr255`.
        classes: Names or numbers to keep, None for all; a file of one class needs no choice.
        min_score: As for `Yolox`; None takes that of the suppression inside the file, else 0.01.
        nms_iou: The same, else 0.7.
        max_detections: The same, else 1000.
        batch_size: Images that go through the network together, if the file leaves that open.
        threads: Cores of the CPU provider, 0 for its own choice.
    """

    name = "ONNX"

    def __init__(
        self,
        weights: str | Path,
        providers: Sequence[str] = ("cpu",),
        input_size: Sequence[int] | None = None,
        convention: str | None = None,
        classes: Sequence[str | int] | None = ("person",),
        min_score: float | None = None,
        nms_iou: float | None = None,
        max_detections: int | None = None,
        batch_size: int = 4,
        threads: int = 0,
    ) -> None:
        self.providers = list(providers)
        if not self.providers:
            raise ValueError(f"expected at least one provider of {', '.join(PROVIDERS)}: got {self.providers}")
        settings = DetectorSettings(
            input_size=None if input_size is None else check_input_size(input_size),
            convention=convention,
            classes=None if classes is None else tuple(classes),
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
        source, target = session.get_inputs()[0], session.get_outputs()[0]
        if source.type not in TYPES:
            raise FormatError(f"{self.weights}: expected images as {', '.join(TYPES)}, got {source.type}")

        call = bound(session) if session.get_providers()[0] in ON_CUDA else None

        def run(batch: npt.NDArray[Any]) -> Floats:
            try:
                output: Floats = call(batch) if call else session.run([target.name], {source.name: batch})[0]
            except Exception as error:  # onnxruntime's errors share no base but Exception
                raise FormatError(f"{self.weights}: onnxruntime cannot run it ({str(error).splitlines()[0][:200]})") from error
            return output

        return Model(
            run,
            tuple(side if isinstance(side, int) else None for side in source.shape),
            tuple(side if isinstance(side, int) else None for side in target.shape),
            TYPES[source.type],
            session.get_modelmeta().custom_metadata_map,
            f"ONNX Runtime, {', '.join(session.get_providers())}",
        )

    def _session(self) -> Any:
        try:
            import onnxruntime
        except ModuleNotFoundError:
            raise ModuleNotFoundError("detector=onnx needs onnxruntime: pip install 'bytetrack[onnx]'") from None
        names = [PROVIDERS.get(name, name) for name in self.providers]
        there = onnxruntime.get_available_providers()
        absent = [name for name in names if name not in there]
        if absent:
            raise ValueError(f"providers: {', '.join(absent)} not in this onnxruntime, found {', '.join(there)}: install its package")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = self.settings.threads
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # waiting threads leave the cores to the other stages
        try:
            # the fallback prints "EP Error" to stdout and goes on without the provider
            session = onnxruntime.InferenceSession(str(self.weights), options, providers=names, enable_fallback=0)
            dict(session.get_modelmeta().custom_metadata_map)  # names that are no text come out here
        except Exception as error:  # onnxruntime's errors share no base but Exception
            raise FormatError(f"{self.weights}: onnxruntime cannot load it ({str(error).splitlines()[0][:200]})") from error
        idle = [name for name in names if name not in session.get_providers()]
        if idle:
            raise ValueError(f"providers: {', '.join(idle)} cannot start, left are {', '.join(session.get_providers())}: its libraries?")
        return session


def bound(session: Any, device: str = "cuda") -> Callable[[npt.NDArray[Any]], Floats]:
    """Returns the session as a function whose input stays in one place on `device` while its shape stays; each thread has its own."""
    from onnxruntime import OrtValue

    own = threading.local()
    source, target = session.get_inputs()[0].name, session.get_outputs()[0].name

    def run(batch: npt.NDArray[Any]) -> Floats:
        if getattr(own, "shape", None) != batch.shape:
            own.shape, own.binding, own.input = batch.shape, session.io_binding(), OrtValue.ortvalue_from_numpy(batch, device, 0)
            own.binding.bind_ortvalue_input(source, own.input)
        else:
            own.input.update_inplace(batch)
        own.binding.clear_binding_outputs()
        own.binding.bind_output(target)  # anew: the number of rows may be another
        session.run_with_iobinding(own.binding)
        output: Floats = own.binding.copy_outputs_to_cpu()[0]
        return output

    return run
