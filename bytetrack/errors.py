"""Errors that a user can cause. Each message is one line: where, expected, got, what to do next."""

from __future__ import annotations

__all__ = ["FormatError", "MissingDataError"]


class FormatError(ValueError):
    """Reports a file with invalid content; the message starts with `path:line:` if there is a line."""


class MissingDataError(FileNotFoundError):
    """Reports a file or folder that does not exist; the message names what was expected and what was found."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""
