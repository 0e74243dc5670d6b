"""Pictures of an id switch: before, in the gap, after. They are crops of the images, or a scheme of the boxes if there are none."""

from __future__ import annotations

import base64
import logging
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from bytetrack.boxes import xyxy_from_tlwh
from bytetrack.report.analysis import SequenceMatch
from bytetrack.report.switches import Switch
from bytetrack.structures import Sequence

__all__ = ["Box", "Panel", "panels"]

log = logging.getLogger(__name__)

SIZE = 280
MARGIN = 1.45
FARTHEST = 2.0
LATER = 15
JPEG_QUALITY = 78
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Box:
    """A box in a panel's own pixels; `role` says how it is drawn: truth, focus, partner, pred, old or new."""

    x: float
    y: float
    width: float
    height: float
    role: str
    label: str
    tip: str


@dataclass(frozen=True, slots=True)
class Panel:
    """One square picture of `SIZE` x `SIZE`: its caption, its image as a data URI ("" for none) and its boxes."""

    caption: str
    frame: int
    image: str
    boxes: list[Box]
    size: int = SIZE


def panels(switch: Switch, match: SequenceMatch, sequence: Sequence) -> list[Panel]:
    """Returns the frames that show `switch`: the last one under the old id, one in the gap, the first under the new id.

    Without a gap the third shows the person `LATER` frames after it, or the last frame under the new id.
    """
    moments = [(switch.last_frame, f"before: id {switch.old_id}"), (switch.frame, f"after: id {switch.new_id}")]
    middle = (switch.last_frame + switch.frame) // 2
    if switch.gap >= 2 and _truth(match, middle, switch.gt_id) is not None:
        moments.insert(1, (middle, "between: missed"))
    else:
        rows = (match.gt_id == switch.gt_id) & (match.gt_pred == switch.new_id) & (match.gt_frame > switch.frame)
        moments += [(int(f), f"later: id {switch.new_id}") for f in match.gt_frame[rows & (match.gt_frame <= switch.frame + LATER)][-1:]]
    regions = [_region(match, frame, switch) for frame, _ in moments]
    side = max(float(np.max(region[2:] - region[:2])) for region in regions) * MARGIN
    return [
        _panel(match, sequence, switch, frame, caption, (region[:2] + region[2:]) / 2, side)
        for (frame, caption), region in zip(moments, regions, strict=True)
    ]


def _truth(match: SequenceMatch, frame: int, identity: int) -> Floats | None:
    rows = np.flatnonzero((match.gt_frame == frame) & (match.gt_id == identity))
    return xyxy_from_tlwh(match.gt_tlwh[rows[0]]) if rows.size else None


def _region(match: SequenceMatch, frame: int, switch: Switch) -> Floats:
    """Returns the person's box, enlarged to hold the other person's if one is involved and near."""
    focus = _truth(match, frame, switch.gt_id)
    assert focus is not None, "a switch lies on ground truth"
    other = _truth(match, frame, switch.other_gt)
    if other is None:
        return focus
    both = np.concatenate([np.minimum(focus[:2], other[:2]), np.maximum(focus[2:], other[2:])])
    return both if np.max(both[2:] - both[:2]) <= FARTHEST * np.max(focus[2:] - focus[:2]) else focus


def _panel(match: SequenceMatch, sequence: Sequence, switch: Switch, frame: int, caption: str, centre: Floats, side: float) -> Panel:
    corner = centre - side / 2
    scale = SIZE / side
    drawn = []
    for row in np.flatnonzero(match.gt_frame == frame):
        identity = int(match.gt_id[row])
        role = {switch.gt_id: "focus", switch.other_gt: "partner"}.get(identity, "truth")
        drawn.append(_box(match.gt_tlwh[row], corner, scale, role, "", f"person {identity}"))
    for row in np.flatnonzero(match.pred_frame == frame):
        track, person = int(match.pred_id[row]), int(match.pred_gt[row])
        role = {switch.old_id: "old", switch.new_id: "new"}.get(track, "pred")
        tip = f"id {track}: " + (f"on person {person}" if person >= 0 else "false positive")
        drawn.append(_box(match.pred_tlwh[row], corner, scale, role, f"id {track}" if role != "pred" else "", tip))
    order = ["truth", "pred", "partner", "focus", "old", "new"]
    visible = [b for b in drawn if b.x < SIZE and b.y < SIZE and b.x + b.width > 0 and b.y + b.height > 0]
    return Panel(caption, frame, _crop(sequence, frame, corner, side), sorted(visible, key=lambda b: order.index(b.role)))


def _box(tlwh: Floats, corner: Floats, scale: float, role: str, label: str, tip: str) -> Box:
    x, y = (tlwh[:2] - corner) * scale
    width, height = tlwh[2:] * scale
    return Box(float(x), float(y), float(width), float(height), role, label, tip)


def _crop(sequence: Sequence, frame: int, corner: Floats, side: float) -> str:
    """Encodes the square as JPEG in a data URI; "" if the sequence has no image of this frame."""
    if sequence.images is None:
        return ""
    import cv2

    from bytetrack.video.read import read_image

    is_folder = sequence.images.is_dir()
    path = sequence.image_path(frame) if is_folder else f"{sequence.images}#{sequence.number_of(frame)}"
    try:
        image = read_image(path)
    except (OSError, ValueError) as error:
        log.warning("report: %s: a scheme instead of the picture", error)
        return ""
    shift = np.array([[SIZE / side, 0, -corner[0] * SIZE / side], [0, SIZE / side, -corner[1] * SIZE / side]])
    shrink = side > SIZE
    square = cv2.warpAffine(
        cv2.GaussianBlur(image, (0, 0), 0.4 * side / SIZE) if shrink else image, shift, (SIZE, SIZE), flags=cv2.INTER_LINEAR
    )
    good, encoded = cv2.imencode(".jpg", square, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return "data:image/jpeg;base64," + base64.b64encode(encoded.tobytes()).decode() if good else ""
