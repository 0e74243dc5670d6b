"""Reports packages, device, codecs, compiled kernels, data and weights; checks given files."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Literal

from rich.table import Table
from rich.text import Text

from bytetrack import __version__
from bytetrack.interfaces import Dataset
from bytetrack.names import counted, shortened
from bytetrack.runtime.showing import open_console

__all__ = ["Finding", "examine", "show"]

NEEDED = ("torch", "torchvision", "numpy", "scipy", "numba", "opencv-python", "av", "pillow", "hydra-core", "pixeltable-yolox")
SCORERS = ("trackeval", "motmetrics", "pycocotools", "faster-coco-eval")
EXTRAS = {"onnx": ("onnx", "onnxscript", "onnxruntime"), "openvino": ("openvino",), "sweep": ("optuna",), "ray": ("ray",)}
EXPECTED = ("MOT17", "MOT20", "CrowdHuman", "PETS09-S2L1", "quickstart")  # folders of datasets/
MARKS = {"good": ("ok", "green"), "absent": ("--", "yellow"), "broken": ("XX", "red")}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the page: under which heading, `good`, `absent` (only some things need it) or `broken`, what, and more of it."""

    heading: str
    state: Literal["good", "absent", "broken"]
    what: str
    detail: str


def examine(dataset: Dataset | None = None, checkpoint: str | None = None, video: str | None = None) -> Iterator[Finding]:
    """Examines everything, in the order of the page; never raises: what fails is a finding that is `broken`."""
    parts: list[tuple[str, Callable[[], Iterable[Finding]]]] = [
        ("installed", _packages),
        ("device", _device),
        ("codecs", _codecs),
        ("tracking", _kernels),
        ("data", _data),
        ("screen", _screen),
    ]
    if dataset is not None:
        parts.append(("dataset", lambda: _dataset(dataset)))
    if checkpoint is not None:
        parts.append(("checkpoint", lambda: _checkpoint(Path(checkpoint).expanduser())))
    if video is not None:
        parts.append(("video", lambda: _video(Path(video).expanduser())))
    for heading, part in parts:
        try:
            yield from part()
        except Exception as error:  # whatever it is, it is what a doctor is asked for
            yield Finding(heading, "broken", heading, " ".join(str(error).split()) or type(error).__name__)


def show(findings: Iterable[Finding]) -> int:
    """Prints the page; how many findings are broken."""
    console, broken = open_console(), 0
    table = Table(box=None, show_header=False, padding=(0, 1))
    for _ in range(4):
        table.add_column(overflow="fold")
    last, absent = "", 0
    for finding in findings:
        mark, colour = MARKS[finding.state]
        heading = finding.heading if finding.heading != last else ""
        table.add_row(Text(heading, style="bold"), Text(mark, style=colour), Text(finding.what), Text(finding.detail))
        last, broken = finding.heading, broken + (finding.state == "broken")
        absent += finding.state == "absent"
    console.print(table)
    told = [f"{broken} broken (XX): see above"] if broken else ["nothing broken"]
    told += [f"{absent} absent (--), needed by some commands only"] if absent else []
    console.print("; ".join(told), soft_wrap=True)
    return broken


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _packages() -> Iterator[Finding]:
    yield Finding("installed", "good", "python", f"{platform.python_version()} on {platform.platform(terse=True)}, {os.cpu_count()} cores")
    yield Finding("installed", "good", "bytetrack", f"{__version__} in {Path(__file__).parent}")
    for what, names in {"packages": NEEDED, "scoring": SCORERS}.items():
        found = {name: _version(name) for name in names}
        there = ", ".join(f"{name} {version}" for name, version in found.items() if version)
        if there:
            yield Finding("installed", "good", what, there)
        if missing := [name for name, version in found.items() if version is None]:
            yield Finding("installed", "broken", "missing", f"{', '.join(missing)}: pip install {' '.join(missing)}")
    for extra, names in EXTRAS.items():
        found = {name: _version(name) for name in names}
        there = ", ".join(f"{name} {version}" for name, version in found.items() if version)
        missing = [name for name, version in found.items() if version is None]
        whole = not missing
        yield Finding("installed", "good" if whole else "absent", f"[{extra}]", there if whole else f"pip install {' '.join(missing)}")
    if _version("opencv-python-headless"):
        yield Finding("installed", "broken", "OpenCV twice", "pip uninstall opencv-python-headless: both write cv2/")


def _device() -> Iterator[Finding]:
    import torch

    if torch.cuda.is_available():
        for index in range(torch.cuda.device_count()):
            free, total = torch.cuda.mem_get_info(index)
            yield Finding(
                "device",
                "good",
                f"cuda:{index}",
                f"{torch.cuda.get_device_name(index)}, {free / 2**30:.1f} of {total / 2**30:.1f} GiB free",
            )
    elif torch.backends.mps.is_available():
        yield Finding("device", "good", "mps", "Apple GPU")
    else:
        why = (
            "this torch is built without CUDA"
            if torch.version.cuda is None
            else f"torch is built for CUDA {torch.version.cuda}, no GPU answers"
        )
        yield Finding("device", "absent", "GPU", f"none: {why}")
    threads = torch.get_num_threads()
    yield Finding("device", "good", "cpu", counted(threads, "thread", "threads"))


def _codecs() -> Iterator[Finding]:
    import av
    import cv2

    def finding(name: str, mode: Literal["r", "w"], what: str) -> Finding:
        try:
            return Finding("codecs", "good", what, av.codec.Codec(name, mode).long_name)
        except ValueError:
            return Finding(
                "codecs", "broken" if mode == "w" else "absent", what, f"this FFmpeg has no {name}: pip install --force-reinstall av"
            )

    yield finding("libx264", "w", "write H.264")
    for name in ("h264", "hevc", "av1", "mpeg4"):
        yield finding(name, "r", f"read {name}")
    readers = [cv2.videoio_registry.getBackendName(backend) for backend in cv2.videoio_registry.getStreamBackends()]
    yield Finding("codecs", "good" if "FFMPEG" in readers else "broken", "OpenCV reads by", ", ".join(readers) or "nothing")


def _kernels() -> Iterator[Finding]:
    from bytetrack import tracking
    from bytetrack.runtime.compilation import COMPILED, code_folder

    if not COMPILED:
        yield Finding("tracking", "broken", "kernels", "Numba does not import: tracking runs as plain Python, about a hundred times slower")
        return
    folder = code_folder(Path(str(tracking.__file__)))
    kept = sorted(folder.rglob("*.nbi")) if folder else []
    if kept:
        yield Finding("tracking", "good", "kernels", f"{len(kept)} compiled ones kept in {folder}")
    else:
        yield Finding(
            "tracking", "absent", "kernels", "not compiled yet: the first run takes seconds longer, or python -m bytetrack.tracking"
        )


def _data() -> Iterator[Finding]:
    from bytetrack.data.download import WEIGHTS
    from bytetrack.runtime.user_cache import user_cache_folder

    cache = user_cache_folder()
    for name, remote in WEIGHTS.items():
        path = cache / f"{name}.pth"
        if not path.is_file():
            continue
        size = path.stat().st_size
        right = remote.size in (None, size)
        detail = f"{path}, {size / 1e6:.1f} MB" + ("" if right else f", expected {remote.size} bytes: delete it, it is fetched again")
        yield Finding("data", "good" if right else "broken", name, detail)
    if not any((cache / f"{name}.pth").is_file() for name in WEIGHTS):
        yield Finding("data", "absent", "weights", f"none in {cache}: python tools/prepare.py weights=yolox_nano")
    there = [name for name in EXPECTED if (Path("datasets") / name).is_dir()]
    detail = ", ".join(there) if there else "none in datasets/: python tools/prepare.py --help, or dataset.root=DIR"
    yield Finding("data", "good" if there else "absent", "datasets", detail)


def _screen() -> Iterator[Finding]:
    screen = not sys.platform.startswith("linux") or bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
    detail = "show=true opens a window" if screen else "none: serve=true shows the demo in a browser"
    yield Finding("screen", "good" if screen else "absent", "window", detail)


def _dataset(dataset: Dataset) -> Iterator[Finding]:
    from bytetrack.data.check import check

    report, _ = check(dataset)
    state: Literal["good", "broken"] = "broken" if report.errors else "good"
    yield Finding(
        "dataset",
        state,
        str(getattr(dataset, "root", type(dataset).__name__)),
        f"{report.images} images, {report.boxes} boxes, {report.errors} errors",
    )
    for kind in dict.fromkeys((finding.level, finding.kind) for finding in report.findings):
        same = [finding for finding in report.findings if (finding.level, finding.kind) == kind]
        times = "once:" if len(same) == 1 else f"{len(same)} times, first"
        where = f"{times} {same[0].where} {same[0].detail}".strip()
        yield Finding("dataset", "broken" if kind[0] == "error" else "absent", kind[1], where)


def _checkpoint(path: Path) -> Iterator[Finding]:
    if path.suffix.lower() == ".onnx":
        from bytetrack.detection.onnx import Onnx

        about = Onnx(path, classes=None).load()
        shown = f"{about.shown_size}, {about.convention}, {about.output} output, names {_names(about.about.class_names)}"
        yield Finding("checkpoint", "good", path.name, f"ONNX, {shown}: detector=onnx detector.weights={path}")
        return
    from bytetrack.detection.inference import pick_convention
    from bytetrack.detection.network import build_network, load_weights, read_checkpoint
    from bytetrack.detection.settings import SIZES

    found = read_checkpoint(path)
    size = f"{found.input_size[0]}x{found.input_size[1]}" if found.input_size else "input size not said"
    classes = f"{found.num_classes} class{'es' if found.num_classes > 1 else ''} {_names(found.class_names)}"
    about_it = f"YOLOX {found.size_name}, {classes}, {pick_convention(None, found)}, {size}, {path.stat().st_size / 1e6:.1f} MB"
    if found.size_name not in SIZES:
        yield Finding("checkpoint", "absent", path.name, f"{about_it}: detector=yolox detector.depth=… detector.width=…")
        return
    load_weights(build_network(*SIZES[found.size_name], num_classes=found.num_classes), found)
    yield Finding("checkpoint", "good", path.name, f"{about_it}: detector=yolox_{found.size_name} detector.weights={path}")


def _names(names: list[str] | None) -> str:
    return "without names" if not names else f"({shortened(names, 4, count=False)})"


def _video(path: Path) -> Iterator[Finding]:
    from bytetrack.timeline import decoded, open_video, quarters, timeline

    found = timeline(path)
    container, stream = open_video(path)
    with container:
        turned, codec = 90 * quarters(next(decoded(container, stream))), stream.codec_context
        sound = ", sound" if container.streams.audio else ""
        about = f"{codec.name} {codec.pix_fmt}, turned by {turned} degrees{sound}"
    width, height = found.size
    yield Finding("video", "good", path.name, f"{width}x{height} as shown, {len(found.stamps)} frames, {found.rate:.6g} a second, {about}")
