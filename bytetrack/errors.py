"""The errors a user can cause. Each message is one line: where, expected, got, what to do next."""

from __future__ import annotations

__all__ = ["FormatError", "MissingDataError"]


class FormatError(ValueError):
    """A file is not what it should be; the message starts with `path:line:` where there is a line."""


class MissingDataError(FileNotFoundError):
    """A folder or file the user named (or a default one) is not there; the message says what was looked for and found."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""
