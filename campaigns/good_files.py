"""Small good files of every kind the verbs read, made anew in a folder: nothing of the corpus is stored."""

from __future__ import annotations

import io
import json
import zipfile
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

FRAMES, WIDTH, HEIGHT = 6, 96, 64

SEQINFO = f"[Sequence]\nname=A\nimDir=img1\nframeRate=30\nseqLength={FRAMES}\nimWidth={WIDTH}\nimHeight={HEIGHT}\nimExt=.jpg\n"


def boxes(frame: int) -> list[tuple[int, float, float, float, float]]:
    """Identity, left, top, width, height of two people who pass and one who stands."""
    return [(1, 5.5 + 4 * frame, 10, 12, 30.5), (2, 60 - 4 * frame, 14, 12, 30), (3, 80, 5.25, 10, 25)]


def rows(line: str) -> bytes:
    """`line` formatted for every box: frame, id, box, right, bottom, and fractions of the picture."""
    found = [
        line.format(
            f=f,
            i=i,
            x=x,
            y=y,
            w=w,
            h=h,
            r=x + w,
            b=y + h,
            cx=(x + w / 2) / WIDTH,
            cy=(y + h / 2) / HEIGHT,
            fw=w / WIDTH,
            fh=h / HEIGHT,
            f0=f - 1,
        )
        for f in range(1, FRAMES + 1)
        for i, x, y, w, h in boxes(f)
    ]
    return "".join(f"{row}\n" for row in found).encode()


def ground_truth() -> bytes:
    return rows("{f},{i},{x},{y},{w},{h},1,1,0.9")


def detections() -> bytes:
    return rows("{f},-1,{x},{y},{w},{h},0.9,-1,-1,-1")


def result() -> bytes:
    return rows("{f},{i},{x},{y},{w},{h},0.9,-1,-1,-1")


def kitti() -> bytes:
    return rows("{f0} {i} person -1 -1 -10 {x} {y} {r} {b} -1 -1 -1 -1000 -1000 -1000 -10 0.9")


def table() -> bytes:
    return b"sequence,frame,track_id,left,top,width,height,score,class_id,class\n" + rows("A,{f},{i},{x},{y},{w},{h},0.9,0,person")


def json_lines() -> bytes:
    lines = []
    for f in range(1, FRAMES + 1):
        tracks = [{"id": i, "tlwh": [x, y, w, h], "score": 0.9, "class_id": 0, "class": "person"} for i, x, y, w, h in boxes(f)]
        lines.append(json.dumps({"frame": f, "time": (f - 1) / 30, "tracks": tracks}))
    return ("\n".join(lines) + "\n").encode()


def labels_with_ids() -> bytes:
    return b"".join(f"0 {i} {(x + w / 2) / WIDTH} {(y + h / 2) / HEIGHT} {w / WIDTH} {h / HEIGHT}\n".encode() for i, x, y, w, h in boxes(1))


def cvat_xml() -> bytes:
    sides, score = 'xtl="{}" ytl="{}" xbr="{}" ybr="{}"', '<attribute name="score">0.9</attribute>'
    box = f'<box frame="{{}}" outside="0" occluded="0" keyframe="1" {sides} z_order="0">{score}</box>\n'
    tracks = ""
    for k in range(3):
        found = [(f, *boxes(f)[k][1:]) for f in range(1, FRAMES + 1)]
        tracks += f'<track id="{k}" label="person" source="auto">\n'
        tracks += "".join(box.format(f - 1, x, y, x + w, y + h) for f, x, y, w, h in found) + "</track>\n"
    meta = f"<meta><task><name>A</name><size>{FRAMES}</size><labels><label><name>person</name></label></labels></task></meta>"
    return f'<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n<version>1.1</version>\n{meta}\n{tracks}</annotations>\n'.encode()


def archive(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in members.items():
            target.writestr(name, content)
    return buffer.getvalue()


def cvat_zip() -> bytes:
    return archive({"gt/gt.txt": rows("{f},{i},{x},{y},{w},{h},1,1,1"), "gt/labels.txt": b"person\n"})


def coco() -> bytes:
    images = [
        {"id": f, "file_name": f"{f:06d}.jpg", "width": WIDTH, "height": HEIGHT, "video_id": 1, "frame_id": f} for f in range(1, FRAMES + 1)
    ]
    annotations = [
        {"id": 10 * f + i, "image_id": f, "category_id": 1, "track_id": i, "bbox": [x, y, w, h], "area": w * h, "iscrowd": 0}
        for f in range(1, FRAMES + 1)
        for i, x, y, w, h in boxes(f)
    ]
    videos = [{"id": 1, "name": "A", "file_name": "A", "width": WIDTH, "height": HEIGHT, "fps": 30}]
    return json.dumps(
        {"images": images, "annotations": annotations, "categories": [{"id": 1, "name": "person"}], "videos": videos}
    ).encode()


def odgt() -> bytes:
    lines = []
    for f in range(1, FRAMES + 1):
        people = [
            {
                "tag": "person",
                "fbox": [x, y, w, h],
                "vbox": [x, y, w, h],
                "hbox": [1, 1, 2, 2],
                "extra": {"ignore": 0, "box_id": i},
                "head_attr": {},
            }
            for i, x, y, w, h in boxes(f)
        ]
        lines.append(json.dumps({"ID": f"{f:06d}", "gtboxes": people}))
    return ("\n".join(lines) + "\n").encode()


def scalabel() -> bytes:
    frames = []
    for f in range(1, FRAMES + 1):
        found = [{"id": str(i), "category": "car", "box2d": {"x1": x, "y1": y, "x2": x + w, "y2": y + h}} for i, x, y, w, h in boxes(f)]
        frames.append(
            {"name": f"{f:06d}.jpg", "videoName": "v", "frameIndex": f - 1, "size": {"width": WIDTH, "height": HEIGHT}, "labels": found}
        )
    return json.dumps(frames).encode()


def picture(ending: str, frame: int = 1) -> bytes:
    import cv2

    columns = np.linspace(0, 255, WIDTH, dtype=np.uint8)
    image = np.stack(
        [np.tile(columns, (HEIGHT, 1)), np.full((HEIGHT, WIDTH), 40 * frame % 255, np.uint8), np.tile(columns[::-1], (HEIGHT, 1))], -1
    )
    for i, x, y, w, h in boxes(frame):
        cv2.rectangle(image, (int(x), int(y)), (int(x + w), int(y + h)), (50 * i, 200, 255 - 60 * i), -1)
    return bytes(cv2.imencode(ending, image)[1])


@lru_cache
def film(ending: str) -> bytes:
    import av
    import cv2

    buffer = io.BytesIO()
    codec, form, pixels = {".mp4": ("libx264", "mp4", "yuv420p"), ".avi": ("mjpeg", "avi", "yuvj420p")}[ending]
    with av.open(buffer, "w", format=form) as container:
        stream: Any = container.add_stream(codec, rate=25)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, pixels
        for frame in range(1, FRAMES + 1):
            image = cv2.imdecode(np.frombuffer(picture(".png", frame), np.uint8), cv2.IMREAD_COLOR)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="bgr24")))
        container.mux(stream.encode(None))
    return buffer.getvalue()


def saved(content: Any) -> bytes:
    import torch

    buffer = io.BytesIO()
    torch.save(content, buffer)
    return buffer.getvalue()


DEPTH, CHANNELS = 0.33, 0.0625  # the smallest YOLOX there is


@lru_cache
def checkpoint_content() -> dict[str, Any]:
    import torch

    from bytetrack.detection.network import build_network

    torch.manual_seed(0)
    model = build_network(DEPTH, CHANNELS, True, 1).state_dict()
    about = {"depth": DEPTH, "width": CHANNELS, "depthwise": True, "num_classes": 1, "class_names": ["person"], "convention": "bgr255"}
    return {"model": model, "detector": {**about, "input_size": [64, 64]}}


@lru_cache
def checkpoint() -> bytes:
    return saved(checkpoint_content())


def stored_detections() -> dict[str, Any]:
    found = [boxes(f) for f in range(1, FRAMES + 1)]
    xyxy = np.array([[x, y, x + w, y + h] for frame in found for _, x, y, w, h in frame], np.float64)
    return {"fingerprint": np.array(""), "xyxy": xyxy, "score": np.full(len(xyxy), 0.9), "offsets": np.arange(0, len(xyxy) + 1, 3)}


def arrays(content: dict[str, Any]) -> bytes:
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **content)
    return buffer.getvalue()


def onnx_model(anchors: int = 84, classes: int = 1, size: int = 64) -> Any:
    """A network that gives (1, 84, 5 + C): the mean of the picture plus a constant."""
    from onnx import TensorProto, helper, numpy_helper

    constant = np.random.default_rng(0).normal(size=(1, anchors, 5 + classes)).astype(np.float32)
    nodes = [
        helper.make_node("ReduceMean", ["images"], ["mean"], keepdims=0),
        helper.make_node("Add", ["mean", "constant"], ["output"]),
    ]
    graph = helper.make_graph(
        nodes,
        "yolox",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, size, size])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, anchors, 5 + classes])],
        [numpy_helper.from_array(constant, "constant")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    for key, value in {"output": "raw", "num_classes": str(classes), "class_names": '["person"]', "convention": "bgr255"}.items():
        model.metadata_props.add(key=key, value=value)
    return model


@lru_cache
def onnx_file() -> bytes:
    return bytes(onnx_model().SerializeToString())


RECIPE = """\
# @package _global_
tracker:
  high_score: 0.6
  low_score: 0.1
  match_cost: 0.9
  max_lost_frames: 30
dataset:
  protocol: mot15
  pattern: "*"
  half: null
per_sequence:
  A: {high_score: 0.5, max_lost_frames: 25}
min_box_area: 100
workers: 1
"""


def write(folder: Path, files: dict[str, bytes]) -> None:
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
