"""The command `bytetrack`, and `python -m bytetrack`."""

from __future__ import annotations

from bytetrack.runtime.signals import end_quietly

__all__ = ["main"]


def main() -> None:
    """Runs the verb that the command line names; Ctrl-C ends it without a traceback while it still loads, too."""
    end_quietly()
    from bytetrack.config import console

    console()


if __name__ == "__main__":
    main()
