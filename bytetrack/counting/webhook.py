"""Posts events to a web address from a separate thread, so that counting never waits."""

from __future__ import annotations

import http.client
import ipaddress
import json
import logging
import ssl
import threading
import time
import uuid
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from urllib.parse import SplitResult, urlsplit

from bytetrack.counting.events import DECIMALS, Event
from bytetrack.runtime.servers import may_pass

__all__ = ["Webhook"]

log = logging.getLogger(__name__)

BATCH = 100  # events in one request
FIRST_PAUSE = 0.5  # seconds


class Webhook:
    """Posts events as JSON to `url`: `{"source": ..., "events": [{"id": ..., "kind": "cross", ...}]}`, at most 100 per request.

    `send` adds events to a queue and returns at once; if the queue is full, the oldest events are dropped and counted. A request that
    fails (no connection, no answer within `timeout`, status 5xx, 408, 425, 429) is repeated after 0.5 s, 1 s, 2 s ...; any other status
    than 2xx is final. Each event has a unique `id`, which stays the same when a request is repeated. Redirects are not followed, and
    proxies are not used. Raises ValueError for an address that is not allowed.

    Args:
        url: An https address of one of `hosts`, or http(s) on this machine (localhost, 127.0.0.1, ::1).
        source: Name of the source in each request.
        hosts: Hosts that `url` may use.
        token: Sent as `Authorization: Bearer`.
        timeout: Seconds to wait for an answer.
        attempts: Maximum number of attempts per request.
        longest_pause: Maximum pause between attempts in seconds.
        queue: Maximum number of waiting events.
        finish_within: Seconds that `close` waits for queued events.
    """

    def __init__(
        self,
        url: str,
        source: str,
        hosts: Sequence[str] = (),
        token: str | None = None,
        timeout: float = 5.0,
        attempts: int = 8,
        longest_pause: float = 30.0,
        queue: int = 1000,
        finish_within: float = 5.0,
    ) -> None:
        self._address = _checked(url, hosts)
        if min(timeout, longest_pause) <= 0 or finish_within < 0 or attempts < 1 or queue < 1:
            raise ValueError(
                "events needs timeout and longest_pause above 0 seconds, finish_within from 0, attempts and queue from 1: "
                f"got {timeout}, {longest_pause}, {finish_within}, {attempts}, {queue}"
            )
        if token is not None and not (token.isascii() and token.isprintable()):
            raise ValueError("events.token must be printable ASCII, as it becomes a header of the request")
        self.source, self.timeout, self.attempts = source, timeout, attempts
        self.longest_pause, self.finish_within = longest_pause, finish_within
        self.sent = self.lost = 0
        self._headers = {"Content-Type": "application/json", "User-Agent": "bytetrack"}
        self._headers |= {} if token is None else {"Authorization": f"Bearer {token}"}
        self._run, self._number = uuid.uuid4().hex[:12], 0
        self._waiting: deque[dict[str, object]] = deque()
        self._under_way = 0
        self._most, self._ready, self._told = queue, threading.Condition(), False
        self._closing, self._deadline = threading.Event(), float("inf")
        self._thread = threading.Thread(target=self._work, name="events", daemon=True)
        self._thread.start()

    def send(self, events: Iterable[Event]) -> None:
        """Queues events without waiting for the receiver."""
        with self._ready:
            for event in events:
                self._number += 1
                self._waiting.append({"id": f"{self._run}-{self._number}", **_document(event)})
            while len(self._waiting) > self._most:
                self._waiting.popleft()
                self._lose(1, f"more than {self._most} events wait")
            self._ready.notify()

    def close(self) -> None:
        """Posts queued events for at most `finish_within` seconds; the rest is dropped and counted."""
        self._deadline = time.monotonic() + self.finish_within
        self._closing.set()
        with self._ready:
            self._ready.notify()
        self._thread.join(self.finish_within + 0.2)
        with self._ready:
            self.lost += len(self._waiting) + self._under_way
            self._waiting.clear()
        if self.lost:
            log.warning("%s: %d events were posted to %s, %d were lost", self.source, self.sent, self._address.hostname, self.lost)

    def _work(self) -> None:
        while True:
            with self._ready:
                self._ready.wait_for(lambda: self._waiting or self._closing.is_set())
                if not self._waiting or time.monotonic() > self._deadline:
                    return
                batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
                self._under_way = len(batch)
            why = self._deliver(batch)
            with self._ready:
                self._under_way = 0
                if why is None:
                    self.sent += len(batch)
                else:
                    self._lose(len(batch), why)

    def _deliver(self, batch: list[dict[str, object]]) -> str | None:
        """Posts a batch, again after failures that may pass; returns None, or why it was given up."""
        body = json.dumps({"source": self.source, "events": batch}, ensure_ascii=False).encode()
        why = ""
        for attempt in range(self.attempts):
            if attempt and not self._paused(attempt):
                break
            try:
                status = self._post(body)
            except (OSError, http.client.HTTPException) as error:
                why = f"{type(error).__name__}: {error}".rstrip(": ")
                continue
            if 200 <= status < 300:
                return None
            why = f"status {status}"
            if not may_pass(status):
                break
        return why

    def _paused(self, attempt: int) -> bool:
        """Waits before another attempt, shortly in the last seconds; returns False if there is no time left for it."""
        pause = min(FIRST_PAUSE * 2 ** (attempt - 1), self.longest_pause)
        if self._closing.is_set():
            time.sleep(min(pause, 0.2))
        else:
            self._closing.wait(pause)
        return time.monotonic() < self._deadline

    def _post(self, body: bytes) -> int:
        address, timeout = self._address, min(self.timeout, max(0.1, self._deadline - time.monotonic()))
        connection: http.client.HTTPConnection
        if address.scheme == "https":
            connection = http.client.HTTPSConnection(
                address.hostname or "", address.port, timeout=timeout, context=ssl.create_default_context()
            )
        else:
            connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=timeout)
        try:
            target = (address.path or "/") + (f"?{address.query}" if address.query else "")
            connection.request("POST", target, body, self._headers)
            return connection.getresponse().status
        finally:
            connection.close()

    def _lose(self, number: int, why: str) -> None:
        """Counts events that are lost; the first time a warning says why."""
        self.lost += number
        if number and not self._told:
            self._told = True
            log.warning("%s: events to %s are being lost (%s); the csv file contains all", self.source, self._address.hostname, why)


def _checked(url: str, hosts: Sequence[str]) -> SplitResult:
    """Splits an address that may be posted to into its parts; ValueError, without its query and password, for others."""
    try:
        address = urlsplit(url)
        host, _ = (address.hostname or "").lower(), address.port
    except ValueError as error:
        raise ValueError(f"events.url is no address: {error}") from None
    if address.scheme not in ("http", "https") or not host or any(ord(c) <= 32 or ord(c) > 126 for c in url):
        raise ValueError("events.url must be an address like https://host/path, in ASCII and without blanks")
    if address.username is not None or address.password is not None:
        raise ValueError("events.url must not hold a user or a password: give events.token")
    if _is_local(host):
        return address
    if address.scheme != "https":
        raise ValueError(f"events.url must be https, as {host} is not this machine: got http")
    if host not in [str(name).lower() for name in hosts]:
        listed = ", ".join(map(str, hosts)) or "it is empty"
        raise ValueError(f"events.url names {host}, which events.hosts does not list ({listed}): events.hosts=[{host}] allows it")
    return address


def _is_local(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _document(event: Event) -> dict[str, object]:
    """Returns an event for JSON: the columns of the csv file, with its own precision."""
    return {
        name: round(value, DECIMALS[name]) if name in DECIMALS and value is not None else value for name, value in asdict(event).items()
    }
