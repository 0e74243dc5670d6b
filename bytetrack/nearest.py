"""The name that somebody may have meant."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

__all__ = ["nearest"]


def nearest(name: str, names: Iterable[str], likeness: float = 0.6) -> str | None:
    """Returns the first of `names` that begins with `name`, else the one spelled most like it; None where none is like it.

    Upper and lower case are the same; `likeness` is difflib's ratio, from 0 to 1.

    >>> nearest("mot17-2-FRCNN", ["MOT17-02-FRCNN", "MOT17-04-FRCNN"])
    'MOT17-02-FRCNN'
    """
    known = {other.casefold(): other for other in reversed(list(names))}
    begun = [other for other in known.values() if name and other.casefold().startswith(name.casefold())]
    near = begun[-1:] or [known[other] for other in get_close_matches(name.casefold(), known, 1, likeness)]
    return near[0] if near else None
