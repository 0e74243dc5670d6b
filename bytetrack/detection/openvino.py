"""YOLOX through OpenVINO: the same files and detections as ONNX Runtime, and bfloat16 on the CPUs that have it."""

from __future__ import annotations

import functools
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from bytetrack.detection.exported import About, ExportedDetector, Floats, Model
from bytetrack.detection.settings import DetectorSettings, check_input_size
from bytetrack.errors import FormatError, MissingDataError
from bytetrack.runtime.fingerprint import file_digest

__all__ = ["OpenVino", "convert"]

PRECISIONS = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}
SECTION = "bytetrack"
"""Where an .xml keeps our metadata."""


class OpenVino(ExportedDetector):
    """Detects with a YOLOX in OpenVINO's .xml (its .bin beside it) or in an ONNX file, made by `tools/export.py` or YOLOX's own exporter.

    ValueError for a setting out of its range, MissingDataError for a missing file; at the first image, ModuleNotFoundError without
    openvino, FormatError for a file that is not such a YOLOX, ValueError if a setting contradicts the file or the device.

    Args:
        weights: The .xml or .onnx file.
        precision: `fp32`, or `bf16` or `fp16` if the device has it: a hint, for the convolutions.
        device: OpenVINO's name of it.
        input_size: As for `Onnx`, like all that follow.
        convention: None takes the file's metadata, else `bgr255`.
        classes: Names or numbers to keep, None for all; a file of one class needs no choice.
        min_score: None takes that of the suppression inside the file, else 0.01.
        nms_iou: The same, else 0.7.
        max_detections: The same, else 1000.
        batch_size: Images that go through the network together, if the file leaves that open.
        threads: Cores of the CPU, 0 for OpenVINO's own choice.
    """

    name = "OpenVINO"

    def __init__(
        self,
        weights: str | Path,
        precision: str = "fp32",
        device: str = "CPU",
        input_size: Sequence[int] | None = None,
        convention: str | None = None,
        classes: Sequence[str | int] | None = ("person",),
        min_score: float | None = None,
        nms_iou: float | None = None,
        max_detections: int | None = None,
        batch_size: int = 4,
        threads: int = 0,
    ) -> None:
        if precision not in PRECISIONS:
            raise ValueError(f"precision must be {', '.join(PRECISIONS)}: got {precision!r}")
        settings = DetectorSettings(
            input_size=None if input_size is None else check_input_size(input_size),
            convention=convention,
            classes=None if classes is None else tuple(classes),
            min_score=min_score,
            nms_iou=nms_iou,
            max_detections=max_detections,
            batch_size=batch_size,
            precision=precision,
            device=device,
            threads=threads,
        )
        super().__init__(weights, settings)
        if self.weights.suffix == ".xml" and not self.weights.with_suffix(".bin").is_file():
            raise MissingDataError(f"no '{self.weights.with_suffix('.bin')}' beside '{self.weights}': OpenVINO's files come in pairs")

    def _decides(self) -> dict[str, Any]:
        numbers = self.weights.with_suffix(".bin") if self.weights.suffix == ".xml" else None
        return {"precision": self.settings.precision, "bin": file_digest(numbers) if numbers else None}

    @property
    def on_cpu(self) -> bool:
        return self.settings.device == "CPU" and super().on_cpu

    def open(self) -> Model:
        openvino = _openvino()
        core, settings = _core(), self.settings
        device, precision = settings.device, settings.precision
        if device.split(".")[0] not in core.available_devices:
            raise ValueError(f"device {device!r} is not here: found {', '.join(core.available_devices)}")
        able = core.get_property(device, "OPTIMIZATION_CAPABILITIES")
        if precision != "fp32" and precision.upper() not in able:
            raise ValueError(f"precision {precision} is not for this {device}, which has {', '.join(able)}: choose fp32")
        hints: dict[str, Any] = {"PERFORMANCE_HINT": "LATENCY", "INFERENCE_PRECISION_HINT": PRECISIONS[precision]}
        if device == "CPU" and settings.threads:
            hints |= {"INFERENCE_NUM_THREADS": settings.callers * settings.threads, "NUM_STREAMS": settings.callers}
        try:
            network = core.read_model(str(self.weights))
            compiled = core.compile_model(network, device, hints)
        except Exception as error:  # a RuntimeError of many lines
            raise FormatError(f"{self.weights}: OpenVINO cannot load it ({str(error).strip().splitlines()[-1]})") from error

        own = threading.local()  # a request serves one thread at a time

        def run(batch: Floats) -> Floats:
            if not hasattr(own, "request"):
                own.request = compiled.create_infer_request()
            request = own.request
            request.infer({0: batch}, share_inputs=True)
            return np.array(request.get_output_tensor(0).data, dtype=np.float32)

        source, target = network.inputs[0], network.outputs[0]
        dtype = np.float16 if source.get_element_type() == openvino.Type.f16 else np.float32
        return Model(run, _shape(source), _shape(target), dtype, _properties(network), f"OpenVINO, {device} {precision}")


def convert(onnx_file: Path, out: Path, about: About, half: bool) -> None:
    """`onnx_file` as OpenVINO's `out` (.xml) and .bin, with `about`; `half` stores the weights as float16."""
    openvino = _openvino()
    network = openvino.convert_model(str(onnx_file))
    for name, value in about.properties().items():
        network.set_rt_info(value, [SECTION, name])
    openvino.save_model(network, str(out), compress_to_fp16=half)


def _openvino() -> Any:
    try:
        import openvino
    except ModuleNotFoundError:
        raise ModuleNotFoundError("detector=openvino needs openvino: pip install 'bytetrack[openvino]'") from None
    return openvino


@functools.cache
def _core() -> Any:
    """The one of this process, which stays.

    Each Core's plugin for CPUs with AMX gives its thread another stack for signals and unmaps it when it goes: after several, not gone
    in the reverse order, the next signal (a child that ends, Ctrl-C) would find no stack and be a segmentation fault.
    """
    return _openvino().Core()


def _shape(port: Any) -> tuple[int | None, ...]:
    return tuple(side.get_length() if side.is_static else None for side in port.partial_shape)


def _properties(network: Any) -> dict[str, str]:
    """Our section of an .xml, or what OpenVINO took over from an ONNX file."""
    for section in (SECTION, "framework"):
        found = {name: [section, name] for name in About.__dataclass_fields__ if network.has_rt_info([section, name])}
        if found:
            return {name: str(network.get_rt_info(path).astype(str)) for name, path in found.items()}
    return {}
