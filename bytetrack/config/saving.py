"""Makes the folder of a run, and records there how the run was made."""

from __future__ import annotations

import re
import sys
import time
from pathlib import Path
from typing import Any

from bytetrack import __version__
from bytetrack.config.places import home
from bytetrack.config.sweeps import job_number, sweep_folder
from bytetrack.runtime.atomic import replace_text
from bytetrack.runtime.new_folders import make_folder

__all__ = ["out_folder", "public", "save"]

PACKAGES = ("numpy", "scipy", "numba", "torch", "torchvision", "trackeval", "motmetrics", "opencv-python", "onnxruntime")
SECRETS = {  # pattern: what stands for it in files and messages
    r"(?<=://)[^/\s]*@": "***@",
    r"(?<=://)([^\s?'\"]+)\?[^\s'\"]+": r"\1?***",
    r"(?<=\btoken=)[^\s,}]+": "***",
}


def out_folder(out: str | None, verb_name: str, default: Path | None = None) -> Path:
    """Returns the run's output folder, and makes it: `out`, else `default`, else a new `runs/<verb>/<date>_<time>`.

    Without `out` a job of a sweep has its own folder in `default`, else in the sweep's folder.
    """
    number = job_number()
    if out is None and number is not None:
        out = str((default or sweep_folder()) / number)
    folder = Path(out) if out else default or Path("runs") / verb_name / time.strftime("%Y-%m-%d_%H-%M-%S")
    while True:
        try:
            return make_folder(folder, exist_ok=bool(out or default))
        except (FileExistsError, NotADirectoryError):
            if out or default:
                raise ValueError(f"out must be a folder: {str(folder)!r} is none, or lies in a file") from None
            folder = folder.with_name(f"{folder.name}_")  # another run began in the same second


def save(config: Any, out: Path) -> None:
    """Writes `out/config.yaml`: the resolved config, with package versions, git revision and the command that made it."""
    from omegaconf import OmegaConf

    made_by = {
        "command": " ".join(["bytetrack", Path(sys.argv[0]).stem, *(public(a) for a in sys.argv[1:])]),
        "date": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "git_revision": _git_revision(),
        "versions": {"bytetrack": __version__, "python": sys.version.split()[0], **_versions()},
    }
    plain_settings: Any = public(OmegaConf.to_container(config, resolve=True))
    document = OmegaConf.create({**plain_settings, "made_by": made_by})
    replace_text(out / "config.yaml", OmegaConf.to_yaml(document))


def public(value: Any) -> Any:
    """Returns `value` (text, or a container of it) with `***` for user and password in addresses, their queries, and tokens."""
    if isinstance(value, dict):
        return {key: "***" if key == "token" and item is not None else public(item) for key, item in value.items()}
    if isinstance(value, list):
        return [public(item) for item in value]
    if not isinstance(value, str):
        return value
    for secret, mark in SECRETS.items():
        value = re.sub(secret, mark, value)
    return value


def _versions() -> dict[str, str]:
    from importlib import metadata

    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def _git_revision() -> str:
    if not (home() / ".git").exists():  # installed: git would find whatever repository the environment lies in
        return "unknown"
    import subprocess

    try:
        git = ["git", "-C", str(home()), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
        return subprocess.run(git, capture_output=True, text=True, check=True, timeout=10).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return "unknown"
