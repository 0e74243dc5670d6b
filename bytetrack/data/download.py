"""Fetching what is openly downloadable: resumed after an interruption, checked, never half in place.

Sizes and SHA-256 of the YOLOX weights and the sizes of the MOTChallenge archives are those that several public lock files agree
on (read November 2026); a file without a known sum is checked against the length its server states.
"""

from __future__ import annotations

import http.client
import logging
import os
import shutil
import time
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass, replace
from pathlib import Path

from bytetrack.data.archive import extract
from bytetrack.data.published import PUBLISHED, published_file
from bytetrack.errors import MissingDataError
from bytetrack.runtime.fingerprint import file_digest
from bytetrack.runtime.progress import ProgressBar, progress_bar
from bytetrack.runtime.servers import may_pass
from bytetrack.runtime.user_cache import user_cache_folder

__all__ = ["ARCHIVES", "FORMS", "WEIGHTS", "Remote", "fetch", "fetch_dataset", "fetch_weights"]

ATTEMPTS = 5
FIRST_PAUSE = 1.0  # seconds before the second attempt; doubles each time
TIMEOUT = 30.0  # seconds without a byte
CHUNK = 2**18

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Remote:
    """A file on a server: its address, and its size in bytes and SHA-256 where known."""

    url: str
    size: int | None = None
    sha256: str | None = None


RELEASE = "https://github.com/Megvii-BaseDetection/YOLOX/releases/download/0.1.1rc0"
WEIGHTS = {
    "yolox_nano": Remote(f"{RELEASE}/yolox_nano.pth", 7694953, "cd28f55fbbc1829f99d9ac9b38a16d259a22889739c8728ea877610201feff7b"),
    "yolox_tiny": Remote(f"{RELEASE}/yolox_tiny.pth", 40755013, "9de513de589ac98bb92d3bca53b5af7b9acfa9b0bacb831f7999d0f7afaee8f0"),
    "yolox_s": Remote(f"{RELEASE}/yolox_s.pth", 72089125, "f55ded7181e1b0c13285c56e7790b8f0e8f8db590fe4edb37f0b7f345c913a30"),
    "yolox_m": Remote(f"{RELEASE}/yolox_m.pth", 203114461, "60076992b32da82951c90cfa7bd6ab70eba9eda243e08b940a396f60ac2d19b6"),
    "yolox_l": Remote(f"{RELEASE}/yolox_l.pth", None, "1e6b7fa6240375370b2a8a8eab9066b3cdd43fd1d0bfa8d2027fd3a51def2917"),
    "yolox_x": Remote(f"{RELEASE}/yolox_x.pth", None, "5652330b6ae860043f091b8f550a60c10e1129f416edfdb65c259be6caf355cf"),
}
ARCHIVES = {  # dataset names start with the key; the archive's one folder becomes dataset.root
    "mot17": Remote("https://motchallenge.net/data/MOT17.zip", 5860214001),
    "mot20": Remote("https://motchallenge.net/data/MOT20.zip", 5028926248),
}
FORMS = {  # what its owners give only after a form or from a drive: where, and what the folder should look like then
    "crowdhuman": (
        "CrowdHuman asks you to accept its terms: https://www.crowdhuman.org/download.html. Fetch annotation_train.odgt, "
        "annotation_val.odgt and CrowdHuman_train01..03.zip, CrowdHuman_val.zip, unpack them in one folder"
    ),
    "citypersons": (
        "CityPersons needs a Cityscapes account for its images; the JDE authors link images with labels_with_ids: "
        "https://github.com/Zhongdao/Towards-Realtime-MOT/blob/master/DATASET_ZOO.md. Unpack so that "
        "images/train/ and labels_with_ids/train/ lie in one folder"
    ),
    "ethz": (
        "ETHZ with labels_with_ids comes from the JDE authors' drive: "
        "https://github.com/Zhongdao/Towards-Realtime-MOT/blob/master/DATASET_ZOO.md. Unpack so that one folder holds "
        "eth01/images/, eth01/labels_with_ids/, eth02/..."
    ),
    "dancetrack": "DanceTrack comes from its authors' page: https://dancetrack.github.io. Unpack so that one folder holds train/ and val/",
    "bdd100k": (
        "BDD100K asks you to register: https://bdd-data.berkeley.edu. Fetch 'MOT 2020 Images' and 'MOT 2020 Labels', unpack in one "
        "folder with images/track/ and labels/box_track_20/"
    ),
    "coco": "COCO comes from https://cocodataset.org/#download: train2017.zip, val2017.zip and annotations_trainval2017.zip in one folder",
}


def fetch(url: str, path: str | Path, sha256: str | None = None, size: int | None = None) -> Path:
    """Downloads `url` as `path`, unless it is there already.

    Bytes gather in `<path>.part` and an interrupted fetch goes on from there; the file appears under its name only when its size
    and SHA-256 (where given) are right. A dropped connection is tried again, 5 times with growing pauses. ValueError for other
    addresses than http(s) and for wrong bytes, OSError where the server refuses or cannot be reached.
    """
    path = Path(path)
    if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
        raise ValueError(f"expected an http or https address, got {url!r}")
    if path.is_file():
        return _checked(path, sha256, size, f"delete it to fetch {url} again")
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.part")
    with progress_bar(path.name, size, in_bytes=True, speed=True) as bar:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                _receive(url, part, size, bar)
                break
            except urllib.error.HTTPError as error:
                problem = f"the server answers {error.code} {error.reason}"
                if not may_pass(error.code) or attempt == ATTEMPTS:
                    raise OSError(f"{url}: {problem}") from None
            except (OSError, http.client.HTTPException) as error:
                problem = str(getattr(error, "reason", error))
                if isinstance(error, _Refused):
                    raise OSError(f"{url}: {problem}") from None
                if attempt == ATTEMPTS:
                    raise OSError(f"{url}: {problem}; run the same command again to go on") from None
            pause = FIRST_PAUSE * 2 ** (attempt - 1)
            log.warning("%s: %s; trying again in %g s", url, problem, pause)
            time.sleep(pause)
    try:
        _checked(part, sha256, size, f"thrown away; {url} is not the file this version knows")
    except ValueError:
        _forget(part)
        raise
    part.replace(path)
    _forget(part)
    log.info("%s: %d bytes from %s%s", path, path.stat().st_size, url, ", SHA-256 as expected" if sha256 else "")
    return path


class _Refused(OSError):
    """A failure that trying again cannot mend."""


def _receive(url: str, part: Path, size: int | None, bar: ProgressBar) -> None:
    """Appends to `part` what is missing of it; OSError where the connection ends early.

    The server's ETag or date, where it states one, is kept beside and sent as If-Range, so that bytes of two versions never join.
    """
    have = part.stat().st_size if part.is_file() else 0
    tag = _tag(part).read_text() if have and _tag(part).is_file() else ""
    request = urllib.request.Request(url, headers={"User-Agent": "bytetrack", "Accept-Encoding": "identity"})
    if have:
        request.add_header("Range", f"bytes={have}-")
    if tag:
        request.add_header("If-Range", tag)
    try:
        response = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code != 416:
            raise
        if error.headers.get("Content-Range") == f"bytes */{have}":
            return  # it is all there
        _forget(part)
        raise ConnectionError(f"the server has no bytes after {have}") from None
    with response:
        if response.status != 206 or not str(response.headers.get("Content-Range", "")).startswith(f"bytes {have}-"):
            have = 0
        length = response.headers.get("Content-Length")
        total = have + int(length) if length is not None and length.isdigit() else None
        if None not in (size, total) and size != total:
            raise _Refused(f"expected {size} bytes, the server offers {total}: not the file this version knows; fetch it by hand")
        if total is not None and total - have > shutil.disk_usage(part.parent).free:
            raise _Refused(f"needs {total - have} more bytes, the disk has {shutil.disk_usage(part.parent).free} free")
        tag = response.headers.get("ETag", "")
        _tag(part).write_text(tag if tag.startswith('"') else response.headers.get("Last-Modified", ""))
        bar.update(have, total)
        with part.open("ab" if have else "wb") as file:
            while chunk := response.read(CHUNK):
                file.write(chunk)
                bar.advance(len(chunk))
        if total is not None and part.stat().st_size != total:
            raise ConnectionError(f"the connection ended after {part.stat().st_size} of {total} bytes")


def _tag(part: Path) -> Path:
    return part.with_name(f"{part.name}.tag")


def _forget(part: Path) -> None:
    part.unlink(missing_ok=True)
    _tag(part).unlink(missing_ok=True)


def _checked(path: Path, sha256: str | None, size: int | None, advice: str) -> Path:
    """Returns `path` itself; ValueError where its size or SHA-256 is another one."""
    if size is not None and path.stat().st_size != size:
        raise ValueError(f"{path}: expected {size} bytes, got {path.stat().st_size}; {advice}")
    if sha256 is not None:
        got = file_digest(path)
        if got != sha256.lower():
            raise ValueError(f"{path}: expected SHA-256 {sha256.lower()}, got {got}; {advice}")
    return path


def fetch_weights(name: str, folder: str | Path | None = None, mirror: str | None = None) -> Path:
    """Downloads official YOLOX weights (trained on COCO, input `bgr255`), `yolox_nano` … `yolox_x`, into `folder` or `user_cache_folder`.

    `mirror` (or the environment variable BYTETRACK_MIRROR) is an address to fetch `<name>.pth` from instead, same bytes expected.
    The checkpoints of `PUBLISHED`, which nothing can fetch, are looked for there: see `published_file`.
    """
    if name in PUBLISHED:
        return published_file(name, folder)
    if name not in WEIGHTS:
        raise ValueError(f"no weights called {name!r}: there are {', '.join((*WEIGHTS, *PUBLISHED))}")
    remote = _mirrored(WEIGHTS[name], mirror)
    return fetch(remote.url, Path(folder or user_cache_folder()) / f"{name}.pth", remote.sha256, remote.size)


def fetch_dataset(name: str, root: str | Path, mirror: str | None = None) -> Path:
    """Fetches and unpacks the archive of dataset `name` so that its folder becomes `root`; nothing where `root` is there already.

    The archive is kept beside until it is unpacked. MissingDataError, with instructions, for a dataset that asks for a form.
    """
    root = Path(root)
    key = next((key for key in ARCHIVES if name.startswith(key)), None)
    if root.is_dir() and any(root.iterdir()):
        log.info("%s already exists: nothing to download", root)
        return root
    if key is None:
        form = next((text for key, text in FORMS.items() if name.startswith(key)), None)
        raise MissingDataError(
            f"{name} cannot be downloaded by a program. {form}, and set dataset.root to that folder"
            if form
            else f"{name} cannot be downloaded by a program: download=true knows {', '.join(ARCHIVES)} and weights={{{','.join(WEIGHTS)}}}"
        )
    remote = _mirrored(ARCHIVES[key], mirror)
    archive = fetch(remote.url, root.parent / Path(urllib.parse.urlsplit(remote.url).path).name, remote.sha256, remote.size)
    staging = root.parent / f".{root.name}.fetched"
    shutil.rmtree(staging, ignore_errors=True)
    try:
        found = extract(archive, staging)
        whole = found[0] if len(found) == 1 and found[0].is_dir() else staging
        if root.is_dir():
            root.rmdir()  # it is empty
        whole.rename(root)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    archive.unlink()
    log.info("%s: unpacked", root)
    return root


def _mirrored(remote: Remote, mirror: str | None) -> Remote:
    base = mirror or os.environ.get("BYTETRACK_MIRROR")
    return replace(remote, url=f"{base.rstrip('/')}/{remote.url.rpartition('/')[2]}") if base else remote
