"""Names in messages: the one that somebody may have meant, the first of many, and how many there are."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from difflib import get_close_matches

__all__ = ["class_name", "counted", "first_unnamed", "nearest", "shortened", "similar"]


def nearest(name: str, names: Iterable[str], likeness: float = 0.6) -> str | None:
    """Returns the first of `names` that begins with `name`, else the one spelled most like it; None if none is like it.

    Upper and lower case are the same; `likeness` is difflib's ratio, from 0 to 1.

    >>> nearest("mot17-2-FRCNN", ["MOT17-02-FRCNN", "MOT17-04-FRCNN"])
    'MOT17-02-FRCNN'
    """
    known = {other.casefold(): other for other in reversed(list(names))}
    begun = [other for other in known.values() if name and other.casefold().startswith(name.casefold())]
    near = begun[-1:] or [known[other] for other in get_close_matches(name.casefold(), known, 1, likeness)]
    return near[0] if near else None


def similar(name: str, names: Iterable[str], most: int = 1, likeness: float = 0.6) -> list[str]:
    """Returns up to `most` of `names` that are spelled like `name`, the most similar first.

    >>> similar("match_thresh", ["match_cost", "tracker.match_threshold", "lr"], likeness=0.5)
    ['tracker.match_threshold']
    """
    return get_close_matches(name, list(names), most, likeness)


def first_unnamed(numbers: Iterable[int], names: Collection[str]) -> int | None:
    """Returns the first of `numbers` that a list of `names` by number, from 0, has no place for; None if there is none.

    >>> first_unnamed([0, 1], ["none", "person"]), first_unnamed([1, 2], ["none", "person"])
    (None, 2)
    """
    return next((int(number) for number in numbers if not 0 <= number < len(names)), None)


def class_name(class_names: Sequence[str], class_id: int | None) -> str:
    """Returns the name of a detection's class; the only one there is if ids are None.

    >>> class_name(["person", "car"], 1), class_name(["person", "car"], 7), class_name(["person"], None)
    ('car', '7', 'person')
    """
    if class_id is None:
        return class_names[0] if len(class_names) == 1 else "object"
    return class_names[class_id] if 0 <= class_id < len(class_names) else str(class_id)


def counted(number: int, one: str, several: str) -> str:
    """Returns a number of things in words.

    >>> counted(1, "box", "boxes"), counted(1200, "box", "boxes"), counted(0, "box", "boxes")
    ('1 box', '1,200 boxes', 'no box')
    """
    return f"{number:,} {one if number == 1 else several}" if number else f"no {one}"


def shortened(names: Iterable[object], most: int = 3, count: bool = True) -> str:
    """Joins the first `most` of `names` and, if `count`, their number.

    >>> shortened(["a", "b", "c", "d"]), shortened("ab"), shortened("abcd", 2, count=False)
    ('a, b, c, … (4)', 'a, b (2)', 'a, b, …')
    """
    known = [str(name) for name in names]
    return ", ".join(known[:most]) + ", …" * (len(known) > most) + f" ({len(known)})" * count
