"""Ways to break a file: each takes a generator and the bytes of a good one, and gives the bytes of a broken one."""

from __future__ import annotations

import copy
import json
import math
import random
from collections.abc import Callable
from typing import Any

Damage = Callable[[random.Random, bytes], bytes]

TOKENS = [
    *("", "nan", "inf", "-inf", "-1", "0", "-0", "1.5", "1e308", "-1e308", "1e400", "1e-320", "1e18", "9007199254740993", "9" * 30),
    *("9" * 400, "abc", "0x10", "１２", "1_000", "--1", "true", "None", " ", '"', "é", "1e", "[/b]", "\x1b[2J", "%(x)s", "${x}", "-7"),
]
VALUES: list[Any] = [
    *(None, True, -1, 0, 1.5, 1e308, -1e308, math.nan, math.inf, 2**53 + 1, 10**30, "", "x", "1", "../x", "\x00", [], {}),
    *([1], [1, 2, 3], [1, 2, -3, -4], [math.nan] * 4, [1e308] * 4, [[1, 2, 3, 4]], {"a": 1}, {"_target_": "os.system"}, "é" * 300),
]


# ---- any file


def empty(rng: random.Random, good: bytes) -> bytes:
    return rng.choice([b"", b"\n", b" \r\n\t", b"\x00"])


def cut(rng: random.Random, good: bytes) -> bytes:
    return good[: rng.randrange(1, max(len(good), 2))]


def head_lost(rng: random.Random, good: bytes) -> bytes:
    return good[rng.randrange(1, max(len(good), 2)) :]


def few_bytes_flipped(rng: random.Random, good: bytes) -> bytes:
    data = bytearray(good)
    for _ in range(rng.choice((1, 2, 5))):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def head_flipped(rng: random.Random, good: bytes) -> bytes:
    data = bytearray(good)
    for _ in range(rng.choice((1, 2, 4))):
        data[rng.randrange(min(len(data), 120))] = rng.randrange(256)
    return bytes(data)


def many_bytes_flipped(rng: random.Random, good: bytes) -> bytes:
    data = bytearray(good)
    for _ in range(len(data) // 50 + 1):
        data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data)


def zeroed_block(rng: random.Random, good: bytes) -> bytes:
    start = rng.randrange(len(good))
    size = min(rng.randrange(1, 4096), len(good) - start)
    return good[:start] + bytes(size) + good[start + size :]


def inserted_noise(rng: random.Random, good: bytes) -> bytes:
    place = rng.randrange(len(good))
    return good[:place] + rng.randbytes(rng.randrange(1, 200)) + good[place:]


def repeated_block(rng: random.Random, good: bytes) -> bytes:
    start = rng.randrange(len(good))
    return good[: start + 500] + good[start:]


def noise(rng: random.Random, good: bytes) -> bytes:
    return rng.randbytes(rng.randrange(1, 3000))


ANY: list[Damage] = [empty, cut, few_bytes_flipped, many_bytes_flipped, zeroed_block, inserted_noise, repeated_block, noise]
BINARY: list[Damage] = [*ANY, cut, cut, head_lost, head_flipped, head_flipped, few_bytes_flipped]


# ---- text


def bom(rng: random.Random, good: bytes) -> bytes:
    return b"\xef\xbb\xbf" + good


def crlf(rng: random.Random, good: bytes) -> bytes:
    return good.replace(b"\n", b"\r\n")


def bom_and_crlf(rng: random.Random, good: bytes) -> bytes:
    return bom(rng, crlf(rng, good))


def blank_lines(rng: random.Random, good: bytes) -> bytes:
    return good.replace(b"\n", b"\n\n")


HARMLESS: list[Damage] = [bom, crlf, bom_and_crlf, blank_lines]
"""What a reader must take as the good file."""


def other_encoding(rng: random.Random, good: bytes) -> bytes:
    text = good.decode()
    if rng.random() < 0.4:
        place = rng.randrange(len(good))
        return good[:place] + "ÄÖé".encode("latin-1") + good[place:]
    return text.encode(rng.choice(("utf-16", "utf-16-le", "utf-32", "utf-7")))


def line_break_of_old_macs(rng: random.Random, good: bytes) -> bytes:
    return good.replace(b"\n", b"\r")


def very_long_line(rng: random.Random, good: bytes) -> bytes:
    filler = rng.choice((b"1," * 300_000, b"9" * 500_000, b"x" * 500_000, b" " * 500_000, b"[" * 300_000, b"{a: " * 3_000))
    lines = good.splitlines(keepends=True)
    lines.insert(rng.randrange(len(lines) + 1), filler + b"\n")
    return b"".join(lines)


def lines_shuffled(rng: random.Random, good: bytes) -> bytes:
    lines = good.splitlines(keepends=True)
    rng.shuffle(lines)
    return b"".join(lines)


def line_twice(rng: random.Random, good: bytes) -> bytes:
    lines = good.splitlines(keepends=True)
    lines.insert(rng.randrange(len(lines)), rng.choice(lines))
    return b"".join(lines)


def line_lost(rng: random.Random, good: bytes) -> bytes:
    lines = good.splitlines(keepends=True)
    del lines[rng.randrange(len(lines))]
    return b"".join(lines)


TEXT: list[Damage] = [*ANY, *HARMLESS, other_encoding, line_break_of_old_macs, very_long_line, lines_shuffled, line_twice, line_lost]


def fields(separator: str) -> list[Damage]:
    """Damages of a table whose columns are separated by `separator`: one field of one line wrong, missing, or too much."""

    def change(rng: random.Random, good: bytes, how: Callable[[list[str], int], None]) -> bytes:
        lines = good.decode().splitlines()
        row = rng.randrange(len(lines))
        columns = lines[row].split(separator)
        how(columns, rng.randrange(len(columns)))
        lines[row] = separator.join(columns)
        return ("\n".join(lines) + "\n").encode()

    def wrong_number(rng: random.Random, good: bytes) -> bytes:
        return change(rng, good, lambda columns, k: columns.__setitem__(k, rng.choice(TOKENS)))

    def negated(rng: random.Random, good: bytes) -> bytes:
        return change(rng, good, lambda columns, k: columns.__setitem__(k, f"-{columns[k]}"))

    def column_lost(rng: random.Random, good: bytes) -> bytes:
        return change(rng, good, lambda columns, k: columns.__delitem__(k))

    def column_more(rng: random.Random, good: bytes) -> bytes:
        return change(rng, good, lambda columns, k: columns.insert(k, rng.choice(("1", "-1", "0.5", *TOKENS))))

    def column_everywhere(rng: random.Random, good: bytes) -> bytes:
        k, token = rng.randrange(6), rng.choice(TOKENS)
        lines = [line.split(separator) for line in good.decode().splitlines()]
        return "".join(f"{separator.join([*line[:k], token, *line[k + 1 :]])}\n" for line in lines).encode()

    def other_separator(rng: random.Random, good: bytes) -> bytes:
        return good.replace(separator.encode(), rng.choice((b";", b"\t", b" ", b", ", b",", b"|", b" , ")))

    return [
        *TEXT,
        *[wrong_number] * 12,
        negated,
        negated,
        column_lost,
        column_lost,
        column_more,
        column_more,
        column_everywhere,
        other_separator,
    ]


# ---- json


def places(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path to every value below `node`."""
    pairs = list(node.items()) if isinstance(node, dict) else list(enumerate(node)) if isinstance(node, list) else []
    return [found for key, value in pairs for found in [(*path, key), *places(value, (*path, key))]]


def replaced(rng: random.Random, document: Any, values: list[Any]) -> Any:
    """A copy of `document` with one value somewhere in it replaced, removed, or another record's."""
    changed = copy.deepcopy(document)
    place = rng.choice(places(changed))
    node = changed
    for key in place[:-1]:
        node = node[key]
    kind = rng.random()
    if kind < 0.15:
        del node[place[-1]]
    elif kind < 0.25 and isinstance(node, list):
        node.append(copy.deepcopy(rng.choice(node)))
    else:
        node[place[-1]] = rng.choice(values)
    return changed


def value_replaced(rng: random.Random, good: bytes) -> bytes:
    """Of one json document, or of one line of many."""
    try:
        return json.dumps(replaced(rng, json.loads(good), VALUES)).encode()
    except json.JSONDecodeError:
        lines = good.decode().splitlines()
        row = rng.randrange(len(lines))
        lines[row] = json.dumps(replaced(rng, json.loads(lines[row]), VALUES))
        return ("\n".join(lines) + "\n").encode()


def deep(rng: random.Random, good: bytes) -> bytes:
    depth = rng.choice((50, 2_000, 100_000))
    opening, closing = rng.choice(((b"[", b"]"), (b'{"a":', b"}")))
    nested = opening * depth + b"1" + closing * depth
    return nested if rng.random() < 0.5 else good.replace(b"1", nested, 1)


JSON: list[Damage] = [*TEXT, *[value_replaced] * 20, deep, deep]
