"""Answers of servers: which of them may be another one later."""

from __future__ import annotations

__all__ = ["may_pass"]

PASSING = (408, 425, 429)  # below 500: asked too slowly, too early, too often


def may_pass(status: int) -> bool:
    """Returns True for a refusal that is worth another attempt.

    >>> may_pass(503), may_pass(429), may_pass(404)
    (True, True, False)
    """
    return status >= 500 or status in PASSING
