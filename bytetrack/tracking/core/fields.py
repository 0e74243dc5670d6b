"""Named values and named arrays inside flat blocks: the fields of a NamedTuple are the whole declaration.

Numba takes microseconds to accept a NamedTuple of arrays from Python, and no time to make one. So Python hands a kernel flat arrays
and the kernel names their parts: `record` makes the kernel that names the values of a parameter array, `table` the kernel
that names the arrays of two blocks, and the one that clears a row of them. One more value or array is one more line in the NamedTuple.

Both write the kernels as text, as `namedtuple` and `dataclass` do: a kernel for every field would take minutes to compile.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any, NamedTuple, get_args, get_type_hints

import numpy as np

from bytetrack.runtime.compilation import jit_inline

__all__ = ["Table", "record", "table"]

VALUES = {float: "values[{}]", int: "int(values[{}])", bool: "values[{}] != 0.0"}


class Table(NamedTuple):
    """A declared set of arrays: the kernel `view(floats, ints, n_rows)` names them; `n_floats` and `n_ints` count those of a row.

    The kernel `clear(arrays, row)` sets a row of every array to 0.
    """

    view: Callable[..., Any]
    clear: Callable[..., Any]
    n_floats: int
    n_ints: int


def record(fields: type[Any]) -> Callable[..., Any]:
    """Returns the kernel `named(values)` that makes the NamedTuple `fields` of a float array.

    A field's type decides: `float`, `int` (cut off), or `bool` (true if not 0).
    """
    values = [VALUES[kind].format(place) for place, kind in enumerate(get_type_hints(fields).values())]
    return _kernel("values", [f"return record({', '.join(values)})"], {"record": fields})


def table(fields: type[Any]) -> Table:
    """Returns the table that the NamedTuple `fields` declares: arrays of `Floats` or `Ints` with a row each, and nested NamedTuples.

    A row of `Annotated[Floats, (5, 4)]` has the shape (5, 4), else ().
    """
    counts, names = {"floats": 0, "ints": 0}, {"int": int}
    view = _kernel("floats, ints, n_rows", [f"return {_arrays(fields, counts, names)}"], names)
    clear = _kernel("arrays, row", [f"{array}[row] = 0" for array in _paths(fields, "arrays")] or ["pass"], {})
    return Table(view, clear, counts["floats"], counts["ints"])


def _arrays(fields: type[Any], counts: dict[str, int], names: dict[str, Any]) -> str:
    """Returns the expression that makes the NamedTuple; adds what a row takes to `counts`, and its class to `names`."""
    names[fields.__name__] = fields
    values = []
    for kind in get_type_hints(fields, include_extras=True).values():
        if hasattr(kind, "_fields"):
            values.append(_arrays(kind, counts, names))
            continue
        array, shape = get_args(kind) if hasattr(kind, "__metadata__") else (kind, ())
        block = "floats" if get_args(get_args(array)[1])[0] is np.float64 else "ints"
        start, end = counts[block], counts[block] + prod(shape)
        counts[block] = end
        rows = f"{block}[{start} * n_rows : {end} * n_rows]"
        values.append(f"{rows}.reshape({('n_rows', *shape)})".replace("'", "") if shape else rows)
    return f"{fields.__name__}({', '.join(values)})"


def _paths(fields: type[Any], path: str) -> list[str]:
    """Returns the expressions of the arrays of a NamedTuple that is called `path`."""
    hints = get_type_hints(fields).items()
    nested = [_paths(kind, f"{path}.{name}") if hasattr(kind, "_fields") else [f"{path}.{name}"] for name, kind in hints]
    return [array for arrays in nested for array in arrays]


def _kernel(arguments: str, lines: list[str], names: dict[str, Any]) -> Callable[..., Any]:
    exec(f"def kernel({arguments}):\n    " + "\n    ".join(lines), names)
    kernel: Callable[..., Any] = names["kernel"]
    return jit_inline(kernel)
