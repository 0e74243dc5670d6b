"""Names in messages: the one that somebody may have meant, and the first of many."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from difflib import get_close_matches

__all__ = ["first_unnamed", "nearest", "shortened", "similar"]


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


def shortened(names: Iterable[object], most: int = 3, count: bool = True) -> str:
    """Joins the first `most` of `names` and, if `count`, their number.

    >>> shortened(["a", "b", "c", "d"]), shortened("ab"), shortened("abcd", 2, count=False)
    ('a, b, c, … (4)', 'a, b (2)', 'a, b, …')
    """
    known = [str(name) for name in names]
    return ", ".join(known[:most]) + ", …" * (len(known) > most) + f" ({len(known)})" * count
