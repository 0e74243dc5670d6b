"""Names of a network's class numbers, and the choice among them."""

from __future__ import annotations

from collections.abc import Sequence

from bytetrack.names import nearest, shortened

__all__ = ["COCO", "COCO91", "MOST_CLASSES", "choose", "named", "names_of", "own_names"]

# fmt: off
COCO = (
    "person", "bicycle", "car", "motorcycle", "airplane", "bus", "train", "truck", "boat", "traffic light", "fire hydrant", "stop sign",
    "parking meter", "bench", "bird", "cat", "dog", "horse", "sheep", "cow", "elephant", "bear", "zebra", "giraffe", "backpack",
    "umbrella", "handbag", "tie", "suitcase", "frisbee", "skis", "snowboard", "sports ball", "kite", "baseball bat", "baseball glove",
    "skateboard", "surfboard", "tennis racket", "bottle", "wine glass", "cup", "fork", "knife", "spoon", "bowl", "banana", "apple",
    "sandwich", "orange", "broccoli", "carrot", "hot dog", "pizza", "donut", "cake", "chair", "couch", "potted plant", "bed",
    "dining table", "toilet", "tv", "laptop", "mouse", "remote", "keyboard", "cell phone", "microwave", "oven", "toaster", "sink",
    "refrigerator", "book", "clock", "vase", "scissors", "teddy bear", "hair drier", "toothbrush",
)
# fmt: on
"""The 80 classes of COCO, in the order of their numbers in YOLOX."""

MEANT = {  # how other datasets and people call some of them
    **dict.fromkeys(("people", "pedestrian", "pedestrians", "human", "humans", "man", "woman", "head"), "person"),
    **{"bike": "bicycle", "motorbike": "motorcycle", "plane": "airplane", "aeroplane": "airplane", "lorry": "truck"},
    **{"mobile phone": "cell phone", "phone": "cell phone", "sofa": "couch", "television": "tv", "tvmonitor": "tv"},
}


MOST_CLASSES = 10_000
"""Class numbers are below it."""

GAPS = (0, 12, 26, 29, 30, 45, 66, 68, 69, 71, 83)
"""COCO's category ids below 91 that no category has."""


def _with_gaps() -> tuple[str, ...]:
    names = iter(COCO)
    return tuple("N/A" if number in GAPS else next(names) for number in range(91))


COCO91 = _with_gaps()
"""COCO's classes by category id, 1 to 90, as in DETR and torchvision; gaps are called N/A."""


def names_of(setting: Sequence[str] | str | None) -> list[str] | None:
    """Returns the names that a setting lists; `coco` stands for COCO's 80, `coco91` for those by category id."""
    if isinstance(setting, str):
        known = {"coco": COCO, "coco91": COCO91}
        if setting not in known:
            raise ValueError(f"class_names must be a list of names, coco or coco91: got {setting!r}")
        return list(known[setting])
    return None if setting is None else [str(name) for name in setting]


def own_names(stated: Sequence[str] | None, num_classes: int | None) -> list[str] | None:
    """Returns the names of a network's classes, by number: as its file states; 80 classes of which it states nothing are COCO's."""
    return list(stated or COCO) if stated or num_classes == len(COCO) else None


def named(own: Sequence[str] | None, wanted: Sequence[str | int] | None) -> list[str]:
    """Returns the names of a network's detections by class id: its own, else COCO's; a single one if one class is wanted, since
    detections then carry no class."""
    known = list(own or COCO)
    if len(known) > 1 and wanted is not None and len(wanted) == 1:
        only = wanted[0]
        return [only if isinstance(only, str) else known[only] if only < len(known) else str(only)]
    return known


def choose(wanted: Sequence[str | int] | None, num_classes: int | None, names: Sequence[str] | None, where: str) -> tuple[int, ...] | None:
    """Returns the class numbers (from 0) of `wanted`, names or numbers, in a network of `num_classes` (None: unknown); None for all.

    A network of one class has nothing to choose. Without `names`, 80 classes are COCO's. ValueError, which begins with `where`, for
    a class that is not there.

    >>> choose(["person", 2], 80, None, "yolox_s.pth")
    (0, 2)
    """
    if wanted is None or num_classes == 1:
        return None
    names = own_names(names, num_classes)
    chosen = []
    for item in wanted:
        if isinstance(item, str) and names is not None and item in names:
            chosen.append(names.index(item))
        elif isinstance(item, int) and 0 <= item < (MOST_CLASSES if num_classes is None else num_classes):
            chosen.append(item)
        else:
            known = shortened(names, 8, count=False) if names else "numbers only, the file names none"
            meant = MEANT.get(str(item).casefold(), str(item))
            near = nearest(meant, names or ())
            hint = f"did you mean {near}?" if near else "set classes to some of them, null for all"
            if num_classes is None and not names:
                raise ValueError(
                    f"{where}: names no classes, got classes={list(wanted)}: set class_names to coco, coco91 or a list of names, "
                    "or classes to numbers, or to null for all"
                )
            raise ValueError(f"{where}: no class {item!r} among its {num_classes or len(names or ())} ({known}): {hint}")
    if not chosen:
        raise ValueError(f"{where}: classes is empty: name at least one, or null for all")
    return tuple(sorted(set(chosen)))
