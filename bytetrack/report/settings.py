"""Reads the settings of run folders' config.yaml: by group, and those in which runs differ."""

from __future__ import annotations

from typing import Any

__all__ = ["differing_settings", "settings"]

NOT_SETTINGS = {("run", key) for key in ("out", "compare", "workers", "tracks", "detections")}


def settings(config: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Splits a config by group (tracker, detector, dataset, …), nested keys joined by dots."""
    groups: dict[str, dict[str, str]] = {}
    for key, node in config.items():
        if key in ("made_by", "hydra"):
            continue
        if isinstance(node, dict):
            groups[str(key)] = dict(_flat(node))
        else:
            groups.setdefault("run", {})[str(key)] = _text(node)
    return groups


def _flat(node: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    found = []
    for key, value in node.items():
        if isinstance(value, dict) and value:
            found += _flat(value, f"{prefix}{key}.")
        else:
            found.append((f"{prefix}{key}", _text(value)))
    return found


def _text(value: Any) -> str:
    return "–" if value is None or value == {} else str(value).lower() if isinstance(value, bool) else str(value)


def differing_settings(configs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns a row for every setting that is not the same in all configs: its `key` and its `values`, "–" if a config lacks it."""
    found = [settings(config) for config in configs]
    keys = list(dict.fromkeys((group, key) for groups in found for group, values in groups.items() for key in values))
    table = [(group, key, [groups.get(group, {}).get(key, "–") for groups in found]) for group, key in keys]
    return [
        {"key": f"{group}.{key}", "values": values}
        for group, key, values in table
        if len(set(values)) > 1 and (group, key) not in NOT_SETTINGS
    ]
