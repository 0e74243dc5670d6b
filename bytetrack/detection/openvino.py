"""Detects with OpenVINO: the same files and detections as with ONNX Runtime, and bfloat16 on CPUs that support it."""

from __future__ import annotations

import functools
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bytetrack.detection.exported import ExportedDetector
from bytetrack.detection.loaded import Model, Port
from bytetrack.detection.metadata import FOREIGN, About
from bytetrack.detection.settings import DetectorSettings
from bytetrack.errors import FormatError, MissingDataError
from bytetrack.runtime.fingerprint import file_digest

__all__ = ["OpenVino", "convert"]

PRECISIONS = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}
SECTION = "bytetrack"
"""The section of an .xml that contains our metadata."""


class OpenVino(ExportedDetector):
    """Detects with OpenVINO's .xml (its .bin beside it) or an ONNX file, of the layouts that `Onnx` reads.

    Raises ValueError for a setting out of range, MissingDataError for a missing file; at the first image, ModuleNotFoundError without
    openvino, FormatError for a file that no layout fits, ValueError if a setting contradicts the file or the device.

    Args:
        weights: The .xml or .onnx file.
        precision: `fp32`, or `bf16` or `fp16` if the device supports it: a hint for the convolutions.
        device: OpenVINO's device name.
        layout: As for `Onnx`, like all following arguments; None to detect it from the file's outputs.
        input_size: Height and width; None: the file's. It must not contradict the file.
        convention: None: the file's metadata, else the layout's.
        fit: None for the layout's.
        classes: Names or numbers to keep, None for all; ignored if the file has a single class.
        class_names: Names of the classes by number, `coco` or `coco91`; None: the file's metadata.
        min_score: None: that of the suppression inside the file, else 0.01.
        nms_iou: The same, else 0.7.
        max_detections: The same, else 1000.
        batch_size: Images per batch, if the file's batch size is dynamic.
        threads: CPU threads; 0: automatic.
    """

    name = "OpenVINO"

    def __init__(
        self,
        weights: str | Path,
        precision: str = "fp32",
        device: str = "CPU",
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
        if precision not in PRECISIONS:
            raise ValueError(f"precision must be {', '.join(PRECISIONS)}: got {precision!r}")
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
        _openvino()  # its absence is told whatever is loaded
        core, settings = _core(), self.settings
        device, precision = settings.device, settings.precision
        if device.split(".")[0] not in core.available_devices:
            raise ValueError(f"device {device!r} is not available: found {', '.join(core.available_devices)}")
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
            raise FormatError(f"{self.weights}: OpenVINO cannot load it ({_last_line(error)})") from error

        own = threading.local()  # a request serves one thread at a time
        inputs, outputs = ({_name(port): _port(port) for port in ports} for ports in (network.inputs, network.outputs))

        def run(batch: npt.NDArray[Any], **others: npt.NDArray[Any]) -> dict[str, npt.NDArray[Any]]:
            nonlocal compiled
            if not hasattr(own, "request"):
                own.request = compiled.create_infer_request()
            request = own.request
            given: dict[Any, Any] = {0: batch, **others}
            try:
                request.infer(given, share_inputs=True)
            except Exception as error:
                del own.request
                compiled = core.compile_model(network, device, hints)  # the old one keeps the shapes that it failed on
                raise FormatError(f"{self.weights}: OpenVINO cannot run it ({_last_line(error)})") from error
            found = {name: np.array(request.get_output_tensor(number).data) for number, name in enumerate(outputs)}
            return {name: value.astype(np.float32) if value.dtype.kind == "f" else value for name, value in found.items()}

        return Model(run, inputs, outputs, _properties(network), f"OpenVINO, {device} {precision}")


def _last_line(error: Exception) -> str:
    """Returns the line of OpenVINO's many that says what was wrong."""
    return (str(error).strip().splitlines() or [type(error).__name__])[-1][:200]


def convert(onnx_file: Path, out: Path, about: About, half: bool) -> None:
    """Converts `onnx_file` to OpenVINO's `out` (.xml) and .bin, with `about`; `half` stores the weights as float16."""
    openvino = _openvino()
    network = openvino.convert_model(str(onnx_file))
    for name, value in about.properties().items():
        network.set_rt_info(value, [SECTION, name])
    openvino.save_model(network, str(out), compress_to_fp16=half)


def _openvino() -> Any:
    try:
        import openvino
    except ModuleNotFoundError:
        raise ModuleNotFoundError("detector=openvino needs openvino: pip install openvino") from None
    return openvino


@functools.cache
def _core() -> Any:
    """Returns the one core of this process, which stays.

    Each Core's plugin for CPUs with AMX gives its thread another stack for signals and unmaps it when it goes: after several, not gone
    in the reverse order, the next signal (a child that ends, Ctrl-C) would find no stack and be a segmentation fault.
    """
    return _openvino().Core()


def _name(port: Any) -> str:
    """Returns a port's name; files may leave some without one."""
    return str(port.get_any_name()) if port.get_names() else str(port.get_node().get_friendly_name())


def _port(port: Any) -> Port:
    kinds = {"f32": "float32", "f16": "float16", "f64": "float64", "u8": "uint8", "i32": "int32", "i64": "int64"}
    kind = str(port.get_element_type().get_type_name())
    return Port(tuple(side.get_length() if side.is_static else None for side in port.partial_shape), kinds.get(kind, kind))


def _properties(network: Any) -> dict[str, str]:
    """Reads our section of an .xml, or what OpenVINO took over from an ONNX file."""
    for section in (SECTION, "framework"):
        found = {name: [section, name] for name in (*About.__dataclass_fields__, *FOREIGN) if network.has_rt_info([section, name])}
        if found:
            return {name: str(network.get_rt_info(path).astype(str)) for name, path in found.items()}
    return {}
