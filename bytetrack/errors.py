"""Errors that a user can cause. Each message is one line: where, expected, got, what to do next."""

from __future__ import annotations

__all__ = ["FormatError", "MissingDataError", "first_line"]


class FormatError(ValueError):
    """Reports a file with invalid content; the message starts with `path:line:` if there is a line."""


class MissingDataError(FileNotFoundError):
    """Reports a file or folder that does not exist; the message names what was expected and what was found."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


def first_line(error: BaseException, most: int = 200) -> str:
    """Returns the first line of another library's error, at most `most` characters of it; its type if it says nothing.

    >>> first_line(RuntimeError("no kernel image\\nis available")), first_line(KeyError())
    ('no kernel image', 'KeyError')
    """
    return next(iter(str(error).strip().splitlines()), type(error).__name__)[:most]
