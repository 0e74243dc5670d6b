"""Files that want to run something, to leave their folder, or to fill the memory. What they would run leaves a file `ran` behind."""

from __future__ import annotations

import builtins
import io
import os
import pickle
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from campaigns import good_files as good


class Runs:
    """Unpickled, it calls `function(*arguments)`."""

    def __init__(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.call = (function, arguments)

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[Any, ...]]:
        return self.call


def command(mark: Path) -> Runs:
    return Runs(os.system, f"touch {mark}")


def code(mark: Path) -> Runs:
    return Runs(builtins.exec, f"open({str(mark)!r}, 'w').close()")


def zip_checkpoint(payload: Runs) -> bytes:
    """As torch.save writes it, the code among the weights."""
    return good.saved({"model": {**good.checkpoint_content()["model"], "extra": payload}})


def legacy_pickle(payload: Runs) -> bytes:
    """torch's format before zip: pickles one after another."""
    return b"".join(pickle.dumps(part, 2) for part in (0x1950A86A20F9469CFC6C, 1001, {"little_endian": True}, {"model": payload}, []))


def legacy_tar(payload: Runs) -> bytes:
    """torch's first format, a tar of pickles."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for name in ("sys_info", "storages", "tensors", "pickle"):
            content = pickle.dumps(payload, 2)
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def nested_zip(payload: Runs) -> bytes:
    """A checkpoint whose pickle holds another pickle that numpy would load."""
    return good.archive({"archive/data.pkl": pickle.dumps(Runs(pickle.loads, pickle.dumps(payload)), 2), "archive/version": b"3\n"})


def object_array(payload: Runs) -> bytes:
    buffer = io.BytesIO()
    np.savez(buffer, xyxy=np.array([payload], dtype=object), score=np.zeros(1), offsets=np.zeros(7, np.int64), fingerprint=np.array(""))
    return buffer.getvalue()


PICKLES: dict[str, Callable[[Path], bytes]] = {
    "__reduce__ to os.system": lambda mark: zip_checkpoint(command(mark)),
    "__reduce__ to builtins.exec": lambda mark: zip_checkpoint(code(mark)),
    "bare pickle": lambda mark: pickle.dumps(command(mark), 2),
    "torch's legacy pickle": lambda mark: legacy_pickle(command(mark)),
    "torch's legacy tar": lambda mark: legacy_tar(code(mark)),
    "pickle in a pickle in a zip": lambda mark: nested_zip(code(mark)),
    "numpy object array": lambda mark: object_array(command(mark)),
}


def outside_data(folder: Path, location: str) -> bytes:
    """An ONNX network whose constant lies in another file."""
    from onnx import TensorProto

    model = good.onnx_model()
    constant = model.graph.initializer[0]
    constant.ClearField("raw_data")
    constant.data_location = TensorProto.EXTERNAL
    for key, value in {"location": location, "offset": "0", "length": str(84 * 6 * 4)}.items():
        constant.external_data.add(key=key, value=value)
    return bytes(model.SerializeToString())


def onnx_bomb() -> bytes:
    """A network that asks for two terabytes."""
    from onnx import TensorProto, helper, numpy_helper

    nodes = [
        helper.make_node("ConstantOfShape", ["huge"], ["output"]),
    ]
    graph = helper.make_graph(
        nodes,
        "bomb",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, [1, 3, 64, 64])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, [1, 84, 6])],
        [numpy_helper.from_array(np.array([1, 10**9, 500], np.int64), "huge")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    return bytes(model.SerializeToString())


def png_bomb(width: int = 100_000, height: int = 100_000) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1_000_000))) + chunk(b"IEND", b"")


def jpeg_bomb(side: int = 65_000) -> bytes:
    data = bytearray(good.picture(".jpg"))
    place = next(k for k in range(len(data) - 9) if data[k] == 0xFF and data[k + 1] in (0xC0, 0xC2))
    data[place + 5 : place + 9] = struct.pack(">HH", side, side)
    return bytes(data)


def bmp_bomb(side: int = 60_000) -> bytes:
    return b"BM" + struct.pack("<IHHI", 1000, 0, 0, 54) + struct.pack("<IiiHHIIiiII", 40, side, side, 1, 24, 0, 0, 0, 0, 0, 0) + bytes(946)


def avi_bomb(side: int = 65_000) -> bytes:
    """Motion JPEG whose headers, and whose pictures', claim 65,000 x 65,000."""
    data = good.film(".avi").replace(struct.pack("<II", good.WIDTH, good.HEIGHT), struct.pack("<II", side, side))
    return data.replace(struct.pack(">HH", good.HEIGHT, good.WIDTH), struct.pack(">HH", side, side))


def zip_bomb(path: Path, size: int = 10**9) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target, target.open("annotations.xml", "w") as member:
        for _ in range(size // 10**7):
            member.write(bytes(10**7))


BILLION_LAUGHS = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;&a;">]><annotations>&b;</annotations>'
OTHER_FILE = b'<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><annotations><meta>&a;</meta></annotations>'
MARKUP = "<img src=x onerror=alert(1)>"
