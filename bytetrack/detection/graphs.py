"""Adds steps to an exported graph, in ONNX's own notation: letterboxing before the network, suppression after it."""

from __future__ import annotations

from typing import Any

import numpy as np

from bytetrack.detection.metadata import About
from bytetrack.detection.preprocess import HALF, scaled_size
from bytetrack.detection.settings import CONVENTIONS
from bytetrack.structures import PAD

__all__ = ["frames_graph", "with_frames", "with_nms"]

OPEN_SCALE = """
  pre_sides = Slice(pre_shape, pre_1, pre_3, pre_0)
  pre_exact_sides = Cast <to = 11> (pre_sides)
  pre_ratios = Div(pre_exact_size, pre_exact_sides)
  pre_ratio = ReduceMin <keepdims = 1> (pre_ratios)
  pre_exact = Mul(pre_exact_sides, pre_ratio)
  pre_whole = Cast <to = 7> (pre_exact)
  pre_scaled = Max(pre_whole, pre_1)"""
"""The scaled height and width of frames of any size, as `preprocess.scaled_size` counts them: in float64, rounded down."""

FRAMES = """
<ir_version: 10, opset_import: ["" : 18]>
frames_to_images (uint8[%(batch)s, %(height)s, %(width)s, 3] frames) => (float[%(batch)s, 3, %(rows)d, %(columns)d] images)
<int64[1] pre_0 = {0}, int64[1] pre_1 = {1}, int64[1] pre_3 = {3}, double[2] pre_exact_size = {%(rows)d, %(columns)d},
 int64[2] pre_size = {%(rows)d, %(columns)d}, int64[6] pre_none = {0, 0, 0, 0, 0, 0},
 float pre_grey = {%(grey)d}, float pre_half = {%(half)g},
 int64[4] pre_input = {-1, 3, %(rows)d, %(columns)d}, int64[3] pre_order = {%(order)s}%(fixed)s,
 float[1,3,1,1] pre_factor = {%(scale)s}, float[1,3,1,1] pre_offset = {%(shift)s}>
{
  pre_shape = Shape(frames)%(open)s
  pre_count = Slice(pre_shape, pre_0, pre_1, pre_0)
  pre_sizes = Concat <axis = 0> (pre_count, pre_3, pre_scaled)
  pre_planes = Transpose <perm = [0, 3, 1, 2]> (frames)
  pre_pixels = Cast <to = 1> (pre_planes)
  pre_resized = Resize <mode = "linear", coordinate_transformation_mode = "half_pixel"> (pre_pixels, , , pre_sizes)
  pre_above = Add(pre_resized, pre_half)
  pre_rounded = Floor(pre_above)
  pre_missing = Sub(pre_size, pre_scaled)
  pre_pads = Concat <axis = 0> (pre_none, pre_missing)
  pre_padded = Pad(pre_rounded, pre_pads, pre_grey)
  pre_ordered = Gather <axis = 1> (pre_padded, pre_order)
  pre_times = Mul(pre_ordered, pre_factor)
  pre_ready = Add(pre_times, pre_offset)
  images = Reshape(pre_ready, pre_input)
}
"""
"""Turns frames (B, H, W, 3), BGR as they are, into a network's images: `preprocess.scale_frames`."""

NMS = """
<ir_version: 10, opset_import: ["" : 18]>
suppression (float[batch, anchors, columns] decoded) => (float[n, 7] detections)
<int64[1] nms_0 = {0}, int64[1] nms_1 = {1}, int64[1] nms_2 = {2}, int64[1] nms_4 = {4}, int64[1] nms_5 = {5}, int64[1] nms_end = {%(end)d},
 int64[2] nms_image_anchor = {0, 2}, int64[1] nms_all = {-1}, int64[1] nms_most = {%(max_detections)d},
 float nms_half = {0.5}, float nms_zero = {0}, float[1] nms_overlap = {%(nms_iou).9g}, float[1] nms_least = {%(min_score).9g},
 int64[%(num_classes)d] nms_ids = {%(ids)s}>
{
  nms_centre = Slice(decoded, nms_0, nms_2, nms_2)
  nms_size = Slice(decoded, nms_2, nms_4, nms_2)
  nms_objectness = Slice(decoded, nms_4, nms_5, nms_2)
  nms_classes = Slice(decoded, nms_5, nms_end, nms_2)
  nms_reach = Mul(nms_size, nms_half)
  nms_near = Sub(nms_centre, nms_reach)
  nms_far = Add(nms_centre, nms_reach)
  nms_boxes = Concat <axis = 2> (nms_near, nms_far)
  nms_scores = Mul(nms_objectness, nms_classes)
  nms_top = ReduceMax <keepdims = 1> (nms_scores, nms_2)
  nms_best = ArgMax <axis = 2, keepdims = 1> (nms_scores)
  nms_is_best = Equal(nms_best, nms_ids)
  nms_best_only = Where(nms_is_best, nms_scores, nms_zero)
  nms_by_class = Transpose <perm = [0, 2, 1]> (nms_best_only)
  nms_picked = NonMaxSuppression(nms_boxes, nms_by_class, nms_most, nms_overlap, nms_least)
  nms_where = Gather <axis = 1> (nms_picked, nms_image_anchor)
  nms_box = GatherND(nms_boxes, nms_where)
  nms_score = GatherND(nms_top, nms_where)
  nms_image_number = Gather <axis = 1> (nms_picked, nms_0)
  nms_image = Cast <to = 1> (nms_image_number)
  nms_class_number = Gather <axis = 1> (nms_picked, nms_1)
  nms_class = Cast <to = 1> (nms_class_number)
  nms_rows = Concat <axis = 1> (nms_image, nms_box, nms_score, nms_class)
  nms_flat = Reshape(nms_score, nms_all)
  nms_count = Shape(nms_flat)
  nms_sorted, nms_order = TopK(nms_flat, nms_count)
  detections = Gather <axis = 0> (nms_rows, nms_order)
}
"""
"""Turns decoded boxes into `KINDS["detections"]`, in ONNX's own notation: every anchor with its best class, suppressed class by class."""


def with_frames(model: Any, about: About, batch: int | None, frame_size: tuple[int, int] | None) -> Any:
    """Returns `model` behind `frames_graph`."""
    import onnx

    head = frames_graph(about, batch, frame_size)
    head.ir_version = model.ir_version
    return onnx.compose.merge_models(head, model, io_map=[("images", "images")])


def frames_graph(about: About, batch: int | None, frame_size: tuple[int, int] | None) -> Any:
    """Returns `FRAMES` for the input size and convention in `about`; `frame_size` (height, width) None takes frames of any."""
    import onnx

    rows, columns = about.input_size or (0, 0)
    rule = CONVENTIONS[str(about.convention)]
    height, width = frame_size or ("height", "width")
    scaled = "" if frame_size is None else ", ".join(map(str, scaled_size(frame_size, (rows, columns))))
    text = FRAMES % {
        "batch": batch or "batch",
        "height": height,
        "width": width,
        "rows": rows,
        "columns": columns,
        "grey": PAD,
        "half": HALF,
        "order": "2, 1, 0" if rule.rgb else "0, 1, 2",
        "fixed": f", int64[2] pre_scaled = {{{scaled}}}" if scaled else "",
        "open": "" if scaled else OPEN_SCALE,
        "scale": ", ".join(f"{value:.9g}" for value in rule.scale),
        "shift": ", ".join(f"{value:.9g}" for value in rule.shift),
    }
    return onnx.parser.parse_model(text)


def with_nms(model: Any, about: About) -> Any:
    """Appends `NMS`, by the settings in `about`, to `model`, whose output is decoded."""
    import onnx

    num_classes = about.num_classes or 0
    least = np.nextafter(np.float32(about.min_score), np.float32(-1))  # ONNX keeps what is greater, we what is not less
    text = NMS % {
        "end": 5 + num_classes,
        "num_classes": num_classes,
        "ids": ", ".join(map(str, range(num_classes))),
        "max_detections": about.max_detections,
        "nms_iou": about.nms_iou,
        "min_score": least,
    }
    tail = onnx.parser.parse_model(text)
    tail.ir_version = model.ir_version
    return onnx.compose.merge_models(model, tail, io_map=[("output", "decoded")])
