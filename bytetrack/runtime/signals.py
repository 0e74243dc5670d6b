"""Ends a verb on Ctrl-C and SIGTERM: by an exception in the main thread, raised again until it gets through; or in an orderly way."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Protocol

__all__ = [
    "Interruption",
    "Stop",
    "end_at_once",
    "end_quietly",
    "ended_by_signals",
    "finishing_on_signals",
    "handling",
    "ignore_signals",
]

BOTH = (signal.SIGINT, signal.SIGTERM)
AGAIN = 0.1  # seconds until a signal that did not get through is sent again
ONE = 0.5  # seconds in which two signals are one: `timeout` and some shells tell the process and then its whole group


class _Stop:
    """The handler of both signals. Callbacks, finalizers and some imports swallow whatever is raised in them: then it raises again."""

    def __init__(self) -> None:
        self.raised: BaseException | None = None
        self.first = 0.0  # when the first signal came, 0 for not yet
        self.own = False  # whether the next signal is one that this sends again
        self.show: Any = sys.unraisablehook

    def __call__(self, number: int, frame: FrameType | None) -> None:
        again, self.own = self.own, False
        now = time.monotonic()
        self.first = self.first or now
        insists = not again and now - self.first > ONE
        self._send_again(number)
        if _compiles(frame) or (not insists and (self._unwinds() or _starts_a_process(frame))):
            return
        self.raised = KeyboardInterrupt() if number == signal.SIGINT else SystemExit(128 + number)
        raise self.raised

    def _unwinds(self) -> bool:
        """Returns True while the raised exception propagates: the code that still runs is cleanup and must not be interrupted."""
        handled = sys.exc_info()[1]
        while handled is not None and handled is not self.raised:
            handled = handled.__context__
        return handled is not None

    def _send_again(self, number: int) -> None:
        if not hasattr(signal, "setitimer"):  # Windows
            return

        def send(*_: object) -> None:
            self.own = True
            os.kill(os.getpid(), number)  # to whoever listens by then: the demo and training have handlers of their own

        signal.signal(signal.SIGALRM, send)
        signal.setitimer(signal.ITIMER_REAL, AGAIN)

    def unraisable(self, what: Any) -> None:
        """Replaces `sys.unraisablehook`: what was swallowed, and will be raised again, is not shown."""
        if what.exc_value is None or what.exc_value is not self.raised:
            self.show(what)


def _and_its_callers(frame: FrameType | None) -> Iterator[FrameType]:
    """Yields `frame` and its callers; `traceback` is avoided, since its import takes as long as all else here."""
    while frame is not None:
        yield frame
        frame = frame.f_back


def _starts_a_process(frame: FrameType | None) -> bool:
    """Returns True while a process is being started: interrupted then, it would run unknown to us and without its shared resources."""
    places = ((inner.f_globals.get("__name__"), inner.f_code.co_name) for inner in _and_its_callers(frame))
    return ("multiprocessing.process", "start") in places


def _compiles(frame: FrameType | None) -> bool:
    """Returns True while Numba's compiler runs, whose callbacks must not be interrupted."""
    return any(inner.f_globals.get("__name__", "").startswith("llvmlite.") for inner in _and_its_callers(frame))


def end_quietly() -> None:
    """Lets Ctrl-C end the process at once, without a traceback, until `ended_by_signals`: what a verb does before it imports more."""
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # ignored, as in the background of a script, it stays so
        signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Makes SIGTERM raise SystemExit(143) in the main thread, and SIGINT KeyboardInterrupt unless it was ignored before.

    What a signal raises while the verb cleans up after an earlier one is held back, except when it comes half a second later or
    more: then somebody insists. Another error that follows from what a signal raised, or that comes after it, gives way to it.
    After the block a signal ends the process at once. Blocks may be nested.
    """
    with _listening() as stop:
        try:
            yield
        except Exception:
            if stop.raised is None:
                raise
            raise stop.raised from None  # what was cut short breaks in ways of its own


@contextmanager
def _listening() -> Iterator[_Stop]:
    listens = signal.getsignal(signal.SIGTERM)
    if isinstance(listens, _Stop):
        yield listens
        return
    stop = _Stop()
    sys.unraisablehook = stop.unraisable
    numbers = [signal.SIGTERM]
    if signal.getsignal(signal.SIGINT) is not signal.SIG_IGN:  # as it is in the background of a script
        numbers.append(signal.SIGINT)
    for number in numbers:
        signal.signal(number, stop)
    try:
        yield stop
    finally:
        if stop.first and hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number in numbers:
            signal.signal(number, signal.SIG_DFL)
        sys.unraisablehook = stop.show


def end_at_once() -> None:
    """Lets Ctrl-C end this process silently, in every thread: for a worker, whose parent reports it."""
    signal.signal(signal.SIGINT, lambda *_: os._exit(130))


def ignore_signals() -> None:
    """Ignores Ctrl-C and SIGTERM: for a worker whose parent ends it."""
    for number in BOTH:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def handling(handler: Callable[[int, FrameType | None], object] | None = None) -> Iterator[None]:
    """Calls `handler` on both signals within the block, and restores the handlers after it; with None it only restores them.

    Outside the main thread, which alone can have handlers, it does nothing.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in BOTH}
    if handler is not None:
        for number in BOTH:
            signal.signal(number, handler)
    try:
        yield
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)


class Stop(Protocol):
    """Ends a run when it is set: an event, or something that sets several."""

    def set(self) -> None: ...


@contextmanager
def finishing_on_signals(stop: Stop) -> Iterator[list[int]]:
    """Sets `stop` on the first Ctrl-C or SIGTERM and appends its exit status to the list; a later one ends the program at once.

    Signals that arrive within `ONE` (half a second) of the first count as the same.
    """
    caught: list[int] = []
    first = 0.0

    def handle(number: int, _: object) -> None:
        nonlocal first
        if caught and time.monotonic() - first > ONE:
            os._exit(128 + number)
        if caught:
            return
        first = time.monotonic()
        caught.append(128 + number)
        sys.stderr.write("\nstopping: finishing the frames in flight (again to end at once)\n")
        stop.set()

    with handling(handle):
        yield caught


class Interruption:
    """Remembers that Ctrl-C or SIGTERM came: `signal` is its number, 0 if none did. A second Ctrl-C raises KeyboardInterrupt."""

    def __init__(self) -> None:
        self.signal = 0

    def _came(self, number: int, _: FrameType | None) -> None:
        if self.signal == number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = number

    @classmethod
    @contextmanager
    def watched(cls) -> Iterator[Interruption]:
        """Remembers both signals within the block instead of ending; outside the main thread it notices none."""
        watch = cls()
        with handling(watch._came):
            yield watch
