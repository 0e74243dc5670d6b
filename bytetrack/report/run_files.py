"""Reads the files of a run folder that other programs may have changed: scores.json and config.yaml."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped, unused-ignore]

from bytetrack.errors import FormatError, MissingDataError
from bytetrack.io.text import read_text

__all__ = ["read_config", "read_scores"]


def read_scores(run: Path) -> dict[str, dict[str, dict[str, Any]]]:
    """Returns the content of `run`/scores.json, by scorer and sequence; MissingDataError, FormatError."""
    path = run / "scores.json"
    if not path.is_file():
        raise MissingDataError(f"{path}: not found: score the run first (tools/score.py tracks={run / 'tracks'} out={run})")
    try:
        scores: dict[str, dict[str, dict[str, Any]]] = json.loads(read_text(path))
    except json.JSONDecodeError as error:
        raise FormatError(f"{path}:{error.lineno}: expected JSON, got {error.msg}: score the run again") from None
    except RecursionError:
        raise FormatError(f"{path}: expected scores, got json nested without end: score the run again") from None
    except FormatError:
        raise
    except ValueError:
        raise FormatError(f"{path}: expected scores, got a number of thousands of digits: score the run again") from None
    tables = scores.values() if isinstance(scores, dict) else [None]
    if not all(isinstance(found, dict) and all(isinstance(row, dict) for row in found.values()) for found in tables):
        raise FormatError(f"{path}: expected an object with 'trackeval' and 'motmetrics': score the run again")
    return scores


def read_config(run: Path) -> dict[str, Any]:
    """Returns the content of `run`/config.yaml, empty without that file; FormatError if it is no YAML."""
    path = run / "config.yaml"
    if not path.is_file():
        return {}
    try:
        config = yaml.safe_load(read_text(path))
    except (yaml.YAMLError, RecursionError) as error:
        raise FormatError(f"{path}: not YAML: {' '.join(str(error).split())}") from None
    return config if isinstance(config, dict) else {}
