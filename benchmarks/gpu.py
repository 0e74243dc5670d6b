"""What a GPU makes of this project, in nine minutes: `python benchmarks/gpu.py [--smoke] [--out DIR] [--minutes N] [PART …]`.

Needs nothing but the package: images and weights are made here. The parts stand in the order of what would be missed most; each has a
deadline, and `gpu.json` in DIR is written anew after every figure, so that whatever ends the script costs one part. `--smoke` runs the same
lines on a CPU in a minute, with a tiny network: its figures mean nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from bytetrack.boxes import iou, letterbox_ratio
from bytetrack.data.augment import AugmentedImages
from bytetrack.data.image_set import load_coco
from bytetrack.detection.grid import anchors
from bytetrack.detection.inference import DTYPES, Inference, prepared_network
from bytetrack.detection.network import build_network
from bytetrack.detection.postprocess import select
from bytetrack.detection.preprocess import letterbox_batch, scale_frames, send_frames
from bytetrack.detection.settings import SIZES, PostprocessSettings
from bytetrack.detection.yolox import Yolox
from bytetrack.training.assignment import SimOTA
from bytetrack.training.learning import Learner
from bytetrack.training.loader import Batch, BatchPlan, batches
from bytetrack.training.losses import YoloxLoss
from bytetrack.training.processes import ProcessGroup
from bytetrack.training.recipe import Recipe
from bytetrack.video.read import read_image
from bytetrack.video.source import VideoFile
from bytetrack.video.write import VideoWriter

GFLOP = 790.0
"""Of YOLOX-X with one class for an image of 800 x 1440, counted."""


class Card:
    """The device, the sizes to try, the clock, and where results go."""

    def __init__(self, smoke: bool, out: Path, minutes: float) -> None:
        self.smoke, self.out, self.ends = smoke, out, time.monotonic() + 60 * minutes
        self.began = time.monotonic()
        self.device = torch.device("cpu" if smoke else "cuda:0")
        self.size = "nano" if smoke else "x"
        self.height, self.width = (96, 160) if smoke else (800, 1440)
        self.large = (128, 224) if smoke else (1024, 1824)
        self.batch = 2 if smoke else 6
        self.half = "bf16" if smoke else "fp16"
        self.results: dict[str, Any] = {}
        rng = np.random.default_rng(0)
        shape = (216, 384) if smoke else (1080, 1920)
        self.frames = [np.ascontiguousarray(_picture(rng, shape)) for _ in range(16)]

    def tell(self, name: str, value: Any) -> None:
        self.results[name] = value
        print(f"[{time.monotonic() - self.began:6.1f} s] {name}: {value}", flush=True)
        (self.out / "gpu.json").write_text(json.dumps(self.results, indent=1, default=str))

    def wait(self) -> None:
        if self.device.type == "cuda":
            torch.cuda.synchronize()

    def timed(self, work: Callable[[], Any], repeats: int = 10) -> dict[str, float]:
        """Median milliseconds until the host has given its orders, and until they are carried out; GiB at most where there is a GPU."""
        cuda = self.device.type == "cuda"
        for _ in range(1 if self.smoke else 3):
            work()
        self.wait()
        if cuda:
            torch.cuda.reset_peak_memory_stats()
        orders, whole = [], []
        for _ in range(2 if self.smoke else repeats):
            start = time.perf_counter()
            work()
            orders.append(time.perf_counter() - start)
            self.wait()
            whole.append(time.perf_counter() - start)
        figures = {"host ms": 1e3 * float(np.median(orders)), "ms": 1e3 * float(np.median(whole))}
        if cuda:
            figures["GiB"] = torch.cuda.max_memory_allocated() / 2**30
        return {name: round(value, 2) for name, value in figures.items()}


def _picture(rng: np.random.Generator, shape: tuple[int, int]) -> Any:
    coarse = rng.integers(0, 256, (shape[0] // 24, shape[1] // 24, 3), dtype=np.uint8)
    return cv2.resize(coarse, (shape[1], shape[0]), interpolation=cv2.INTER_CUBIC)


def dataset(card: Card, folder: Path) -> Path:
    """A COCO file of the card's frames, with forty boxes on each."""
    rng, height, width = np.random.default_rng(1), *card.frames[0].shape[:2]
    images: list[dict[str, Any]] = []
    boxes: list[dict[str, Any]] = []
    for number, frame in enumerate(card.frames, start=1):
        cv2.imwrite(str(folder / f"{number}.jpg"), frame)
        images.append({"id": number, "file_name": f"{number}.jpg", "width": width, "height": height})
        for x, y in rng.uniform(0, 0.85, (40, 2)) * (width, height):
            box = [float(x), float(y), 0.03 * width, 0.13 * height]
            boxes.append({"id": len(boxes) + 1, "image_id": number, "category_id": 1, "bbox": box, "area": box[2] * box[3], "iscrowd": 0})
    path = folder / "boxes.json"
    path.write_text(json.dumps({"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "person"}]}))
    return path


class Training(Learner):
    """The trainer's step, on batches of one size."""

    def __init__(self, card: Card, coco: Path, size: str, height: int, width: int, **settings: Any) -> None:
        given = {"precision": card.half, "multiscale": None, **settings}
        recipe = Recipe([{"path": str(coco)}], batch_size=card.batch, device=str(card.device), **given)
        images = load_coco(coco)
        plan = BatchPlan(len(images), card.batch, height, width, 10_000, 10)
        super().__init__(recipe, plan, ProcessGroup(), card.device, SIZES[size], images)
        self.data = AugmentedImages(images, read_image)
        self.model = self._prepared()
        self.ready = [self._batch(step) for step in range(2)]

    def _batch(self, step: int) -> Batch:
        batch = next(batches(self.data, self.plan, step, 0, self.device.type == "cuda"))
        return batch

    def one(self) -> Tensor:
        losses = self.learn(self.model, [self.ready[self.step % 2]], 1e-4)
        self.seen.forget(self.step)
        self.step += 1
        return losses


def ceilings(card: Card, folder: Path) -> None:
    """The two limits of the card: bytes copied, multiplications."""
    size, side = (2**24, 512) if card.smoke else (2**31, 8192)
    if card.device.type == "cuda":
        card.tell("card", [torch.cuda.get_device_name(0), torch.__version__, torch.backends.cudnn.version()])
    source = torch.empty(size, dtype=torch.uint8, device=card.device)
    target = torch.empty_like(source)
    card.tell("copy, TB/s", round(2 * size / card.timed(lambda: target.copy_(source))["ms"] / 1e9, 3))
    matrix = torch.randn(side, side, device=card.device, dtype=DTYPES[card.half])
    card.tell("matmul, TFLOP/s", round(2 * side**3 / card.timed(lambda: matrix @ matrix)["ms"] / 1e9, 3))


def first_steps(card: Card, folder: Path) -> None:
    """Checks that momentum and weights are finite after the first sixteen steps, of which some overflow in fp16."""
    learner = Training(card, dataset(card, folder), card.size, card.height, card.width)
    seen = []
    for _ in range(4 if card.smoke else 16):
        losses = learner.one()
        momentum = [state["momentum_buffer"] for state in learner.optimizer.state.values() if "momentum_buffer" in state]
        broken = [sum(int(not bool(t.isfinite().all())) for t in group) for group in (momentum, list(learner.network.parameters()))]
        seen.append((learner.scaler.get_scale(), round(float(losses[0]), 3), *broken))
    card.tell("first steps: scale, loss, momenta and weights that are not finite", [seen[k] for k in (0, 1, 3, -1)])


def parity(card: Card, folder: Path) -> None:
    """The CPU's numbers beside the device's: loss and its gradient, letterbox, boxes by precision."""
    height, width = (96, 160) if card.smoke else (416, 736)
    generator = torch.Generator().manual_seed(0)
    raw = torch.randn(2, len(anchors(height, width)[1]), 6, generator=generator)
    targets = torch.tensor([[[0.0, 40 + 11 * k, 30 + 5 * k, 20, 40] for k in range(5)]] * 2)
    found = []
    for device in ("cpu", card.device):
        logits = raw.to(device).requires_grad_(True)
        total = YoloxLoss()(logits, targets.to(device), height, width, True).total
        total.backward()  # type: ignore[no-untyped-call]
        found.append((total.item(), logits.grad.cpu()))  # type: ignore[union-attr]
    (here, gradient), (there, other) = found
    card.tell(
        "parity of the loss: CPU, device, relative difference of gradients",
        [here, there, float((gradient - other).norm() / gradient.norm())],
    )
    size = (card.height, card.width)
    opencv = letterbox_batch(card.frames[:4], size)
    torchs = scale_frames(send_frames(card.frames[:4], str(card.device)), size).cpu()
    card.tell(
        "parity of the letterbox: largest and mean difference in grey levels",
        [float((opencv - torchs).abs().max()), float((opencv - torchs).abs().mean())],
    )
    network, ratios = lively(card), [letterbox_ratio(frame.shape, size) for frame in card.frames[:4]]
    reference: list[Any] = []
    for device, precision in (("cpu", "fp32"), (card.device, "fp32"), (card.device, card.half), (card.device, "bf16")):
        ready = prepared_network(deepcopy(network), DTYPES[precision]).to(device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        with torch.inference_mode():
            pixels = opencv.to(device, DTYPES[precision]).contiguous(memory_format=torch.channels_last)
            boxes = select(ready(pixels), *anchors(*size, device), ratios, PostprocessSettings(0.3, 0.7, 1000))
        reference = reference or boxes
        overlap = np.concatenate([iou(a.xyxy, b.xyxy).max(axis=1, initial=0) for a, b in zip(reference, boxes, strict=True)])
        told = [sum(map(len, reference)), sum(map(len, boxes)), round(float(overlap.mean()), 4) if len(overlap) else None]
        card.tell(f"parity of boxes, {device} {precision}: the CPU's, the device's, mean IoU", told)


def lively(card: Card, size: str = "nano") -> nn.Module:
    """An untrained network that finds something: BatchNorm has seen the frames, and scores and boxes vary."""
    torch.manual_seed(0)
    network = build_network(*SIZES[size])
    network.head.initialize_biases(0.6)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
    for layer in (*network.head.obj_preds, *network.head.cls_preds):
        nn.init.normal_(layer.weight, std=0.05)
    for layer in network.head.reg_preds:
        nn.init.normal_(layer.weight, std=0.002)
    with torch.no_grad():
        network(letterbox_batch(card.frames[:4], (96, 160) if card.smoke else (384, 704)))
    return network.eval()


def detector(card: Card, folder: Path, batch: int, **settings: Any) -> Inference:
    """The project's detector on weights made here."""
    path = folder / f"{card.size}.pth"
    if not path.exists():
        torch.save({"model": lively(card, card.size).state_dict()}, path)
    given = {"precision": "fp32" if card.smoke else "fp16", **settings}
    size = SIZES[card.size]._asdict()
    return Yolox(
        path, **size, input_size=(card.height, card.width), batch_size=batch, device=str(card.device), max_detections=200, **given
    )._inference


def waits(card: Card, folder: Path) -> None:
    """Where the host waits for the device, by line, as CUDA itself reports it."""
    learner = Training(card, dataset(card, folder), card.size, card.height, card.width)
    inference = detector(card, folder, 8)
    for name, work in (("a training step", learner.one), ("a batch of eight", lambda: inference(card.frames[:8]))):
        work()
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            if card.device.type == "cuda":
                torch.cuda.set_sync_debug_mode("warn")
            work()
            if card.device.type == "cuda":
                torch.cuda.set_sync_debug_mode("default")
        lines = Counter(f"{Path(one.filename).name}:{one.lineno}" for one in caught if "synchroniz" in str(one.message))
        card.tell(f"waits in {name}", [sum(lines.values()), lines.most_common(8)])


def training_step(card: Card, folder: Path) -> None:
    """A step as it is, with each remedy undone, in bf16, and at the largest size."""
    coco = dataset(card, folder)
    variants: dict[str, tuple[dict[str, Any], Callable[[Training], None]]] = {
        "as it is": ({}, lambda learner: None),
        "SiLU in place": ({}, _in_place),
        "pairs as on a CPU": ({"assignment": SimOTA(max_pairs=2_000_000)}, lambda learner: None),
        "bf16": ({"precision": "bf16"}, lambda learner: None),
        "cudnn.benchmark": ({}, lambda learner: setattr(torch.backends.cudnn, "benchmark", True)),
    }
    for name, (settings, change) in variants.items():
        learner = Training(card, coco, card.size, card.height, card.width, **settings)
        change(learner)
        card.tell(f"step {card.height} x {card.width} of {card.batch}, {name}", card.timed(learner.one, 8))
        torch.backends.cudnn.benchmark = False
        if name == "as it is":
            card.tell("moving average alone", card.timed(lambda: learner.average.update(1000)))  # noqa: B023
            average = AveragedModel(learner.network, multi_avg_fn=get_ema_multi_avg_fn(0.9998), use_buffers=True)
            average.update_parameters(learner.network)  # the first only copies
            card.tell("moving average alone, torch's AveragedModel", card.timed(lambda: average.update_parameters(learner.network)))  # noqa: B023
            del average
        del learner
    learner = Training(card, coco, card.size, *card.large)
    card.tell(f"step {card.large[0]} x {card.large[1]} of {card.batch}", card.timed(learner.one, 5))


def _in_place(learner: Training) -> None:
    for module in learner.network.modules():
        if isinstance(module, nn.SiLU):
            module.inplace = True


def inference(card: Card, folder: Path) -> None:
    """The network alone and the whole of `detect`, one batch after the other and overlapped."""
    for size in (1, 8, 16):
        whole = detector(card, folder, size)
        pixels = (
            torch.rand(size, 3, card.height, card.width, device=card.device).to(whole.dtype).contiguous(memory_format=torch.channels_last)
        )
        with torch.inference_mode():
            alone = card.timed(lambda: whole.network(pixels))  # noqa: B023
        card.tell(f"network, batch {size}", alone | {"TFLOP/s": round(GFLOP * size / alone["ms"], 1)})
        frames = card.frames[:size]
        in_turn = card.timed(lambda: whole(frames))  # noqa: B023
        count = 3 if card.smoke else 24
        start = time.perf_counter()
        for _ in whole.batches(frames for _ in range(count)):
            pass
        rate = size * count / (time.perf_counter() - start)
        told = {"frames/s in turn": round(1e3 * size / in_turn["ms"], 1), "overlapped": round(rate, 1)}
        card.tell(f"detect, batch {size}", in_turn | told)


def loading(card: Card, folder: Path) -> None:
    """Images a second by loading processes."""
    learner = Training(card, dataset(card, folder), "nano", card.height, card.width)
    for workers in (1,) if card.smoke else (4, 8, 14):
        coming = batches(learner.data, learner.plan, 0, workers, card.device.type == "cuda")
        next(coming)
        start, loaded = time.perf_counter(), 0
        while time.perf_counter() - start < (1 if card.smoke else 8):
            loaded += len(next(coming).samples)
        card.tell(f"loading, {workers} processes, images/s", round(loaded / (time.perf_counter() - start), 1))
        del coming


def one_rank(card: Card, folder: Path) -> None:
    """Times a step with the distributed wrapper, in a group of one, and the broadcast of a large object."""
    import torch.distributed as dist

    learner = Training(card, dataset(card, folder), card.size, card.height, card.width)
    dist.init_process_group("gloo" if card.smoke else "nccl", init_method=f"file://{folder / 'meeting'}", rank=0, world_size=1)
    try:
        for settings in ({}, {"broadcast_buffers": False, "gradient_as_bucket_view": True}):
            where = None if card.smoke else [0]
            learner.model = nn.parallel.DistributedDataParallel(learner.network, where, **settings)  # type: ignore[arg-type]
            card.tell(f"step with one rank, {settings}", card.timed(learner.one, 8))
        sent = [np.zeros(1_000_000 if card.smoke else 300_000_000, np.uint8)]
        card.tell(f"object of {sent[0].nbytes // 10**6} MB broadcast", card.timed(lambda: dist.broadcast_object_list(sent, src=0), 2))
    finally:
        dist.destroy_process_group()


def film(card: Card, folder: Path) -> None:
    """A video from its file to boxes: decoded ahead, detected in batches."""
    from bytetrack.detection.batching import detect_streams
    from bytetrack.structures import Sequence

    count, size = (8, 2) if card.smoke else (400, 8)
    height, width = card.frames[0].shape[:2]
    with VideoWriter(folder / "film.mp4", 25) as writer:
        for number in range(count):
            writer.write(card.frames[number % 16])
    whole = detector(card, folder, size)

    class Whole:
        batch_size, key, detect, detect_batches = size, str, whole.__call__, whole.batches

    whole(card.frames[:size])
    start = time.perf_counter()
    images = (frame.image for frame in VideoFile(folder / "film.mp4"))
    for _ in detect_streams(Whole(), [(Sequence("film", count, 25, width, height), images)], 1):  # type: ignore[arg-type]
        pass
    card.tell("a video from file to boxes, frames/s", round(count / (time.perf_counter() - start), 1))


def compiled(card: Card, folder: Path) -> None:
    """Times detection and training compiled, and with CUDA graphs; last, since compiling takes minutes."""
    if card.smoke:
        return
    for how in (True, "graphs"):
        whole, start = detector(card, folder, 8, compile=how), time.perf_counter()
        whole(card.frames[:8])
        card.tell(f"compile={how}: first batch, s", round(time.perf_counter() - start, 1))
        figures = card.timed(lambda: whole(card.frames[:8]))  # noqa: B023
        card.tell(f"detect, batch 8, compile={how}", figures | {"frames/s": round(8e3 / figures["ms"], 1)})
    learner = Training(card, dataset(card, folder), card.size, card.height, card.width, compile=True)
    card.tell("step, compiled", card.timed(learner.one, 8))


PARTS: dict[str, tuple[Callable[[Card, Path], None], float]] = {
    "ceilings": (ceilings, 10),
    "first_steps": (first_steps, 30),
    "parity": (parity, 30),
    "waits": (waits, 20),
    "inference": (inference, 60),
    "training_step": (training_step, 60),
    "film": (film, 30),
    "loading": (loading, 40),
    "one_rank": (one_rank, 30),
    "compiled": (compiled, 150),
}
"""Each part, and the seconds that must be left for it to begin."""


def main(words: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help=f"of {', '.join(PARTS)}; all by default")
    parser.add_argument("--smoke", action="store_true", help="on a CPU, in a minute: whether the script runs")
    parser.add_argument("--out", type=Path, default=Path("."), help="where gpu.json goes")
    parser.add_argument("--minutes", type=float, default=9.0)
    given = parser.parse_args(words)
    if not given.smoke and not torch.cuda.is_available():
        parser.error("no CUDA GPU here: --smoke runs the same lines on a CPU")
    cv2.setNumThreads(1)  # loading processes are forked, and OpenCV's threads are not
    given.out.mkdir(parents=True, exist_ok=True)
    card, failed = Card(given.smoke, given.out, given.minutes), 0
    for name in given.parts or PARTS:
        part, seconds = PARTS[name]
        if not card.smoke and card.ends - time.monotonic() < seconds:
            card.tell(name, "no time left")
            continue
        with tempfile.TemporaryDirectory() as folder:
            try:
                part(card, Path(folder))
            except Exception as error:  # the next part may run all the same
                failed += 1
                traceback.print_exc()
                card.tell(name, f"failed: {type(error).__name__}: {str(error)[:300]}")
        if card.device.type == "cuda":
            torch.cuda.empty_cache()
    return int(failed > 0)


if __name__ == "__main__":
    sys.exit(main())
