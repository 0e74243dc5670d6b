"""Events posted to an address: whole, once or more, retried, in bounded memory, and never to where they must not go."""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from bytetrack.counting import Event, Webhook, webhook


class Receiver:
    """A local receiver that answers with `statuses` in turn, then 200; `hold`: it keeps requests waiting until it is set."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.statuses: list[int] = []
        self.hold: threading.Event | None = None
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if receiver.hold is not None:
                    receiver.hold.wait(20)
                status = receiver.statuses.pop(0) if receiver.statuses else 200
                receiver.requests.append({"path": self.path, "status": status, **json.loads(body)})
                receiver.headers.append(dict(self.headers))
                self.send_response(status)
                self.send_header("Location", "http://127.0.0.1:9/elsewhere")
                self.end_headers()

            def log_message(self, *words: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook?room=1"

    def accepted(self) -> list[dict[str, Any]]:
        return [event for request in self.requests if request["status"] == 200 for event in request["events"]]

    def close(self) -> None:
        if self.hold is not None:
            self.hold.set()
        self.server.shutdown()
        self.server.server_close()


@pytest.fixture
def receiver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Receiver]:
    monkeypatch.setattr(webhook, "FIRST_PAUSE", 0.02)
    one = Receiver()
    yield one
    one.close()


def event(number: int = 1) -> Event:
    return Event("cross", "gate", "in", number, None, "person", 10 + number, 0.33333, 12.3456, 70.0, None, 1.2345)


def until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


def test_an_event_arrives_as_json_with_its_own_id(receiver: Receiver) -> None:
    hook = Webhook(receiver.url, "street", token="secret")
    hook.send([event(1)])
    until(lambda: len(receiver.accepted()) == 1)
    hook.send([event(2)])
    hook.close()
    (first, second) = receiver.requests
    assert (first["source"], first["path"]) == ("street", "/hook?room=1")
    assert receiver.headers[0]["Authorization"] == "Bearer secret"
    assert receiver.headers[0]["Content-Type"] == "application/json"
    (told,) = first["events"]
    assert told.pop("id") != second["events"][0]["id"]
    assert told == {
        "kind": "cross",
        "name": "gate",
        "direction": "in",
        "track_id": 1,
        "class_id": None,
        "class_name": "person",
        "frame_id": 11,
        "time": 0.333,
        "x": 12.3,
        "y": 70.0,
        "dwell": None,
        "speed": 1.23,
    }
    assert (hook.sent, hook.lost) == (2, 0)


def test_a_failing_receiver_is_tried_again_with_the_same_id(receiver: Receiver) -> None:
    receiver.statuses = [500, 503, 429]
    hook = Webhook(receiver.url, "street")
    hook.send([event()])
    until(lambda: hook.sent == 1)
    hook.close()
    assert [request["status"] for request in receiver.requests] == [500, 503, 429, 200]
    assert len({request["events"][0]["id"] for request in receiver.requests}) == 1


def test_a_refusal_and_a_redirect_are_final_and_said_once(receiver: Receiver, caplog: pytest.LogCaptureFixture) -> None:
    receiver.statuses = [404, 302]
    hook = Webhook(receiver.url, "street")
    for lost in (1, 2):
        hook.send([event()])
        until(lambda lost=lost: hook.lost == lost)
    with caplog.at_level(logging.WARNING):
        hook.close()
    assert len(receiver.requests) == 2
    assert (hook.sent, hook.lost) == (0, 2)
    assert "0 events were posted to 127.0.0.1, 2 were lost" in caplog.text
    assert "room" not in caplog.text


def test_pauses_double_up_to_the_longest(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    hook = Webhook(receiver.url, "street", longest_pause=4)
    waited: list[float] = []
    monkeypatch.setattr(webhook, "FIRST_PAUSE", 0.5)
    monkeypatch.setattr(hook._closing, "wait", waited.append)
    receiver.statuses = [500] * 8
    hook.send([event()])
    until(lambda: hook.lost == 1)
    assert waited == [0.5, 1, 2, 4, 4, 4, 4]
    hook.close()


def test_a_receiver_that_hangs_never_holds_up_the_counter_and_the_queue_is_bounded(receiver: Receiver) -> None:
    receiver.hold = threading.Event()
    hook = Webhook(receiver.url, "street", queue=50, finish_within=5)
    started = time.perf_counter()
    for number in range(5000):
        hook.send([event(number)])
    assert time.perf_counter() - started < 30  # measured: 0.04 s; the receiver hangs until it is let go
    assert len(hook._waiting) <= 50
    receiver.hold.set()
    hook.close()
    assert hook.sent + hook.lost == 5000
    assert hook.sent == len(receiver.accepted())
    assert receiver.accepted()[-1]["track_id"] == 4999  # the newest are kept


def test_many_events_go_in_few_requests(receiver: Receiver) -> None:
    receiver.hold = threading.Event()
    hook = Webhook(receiver.url, "street")
    hook.send([event(number) for number in range(250)])
    receiver.hold.set()
    hook.close()
    assert [len(request["events"]) for request in receiver.requests] == [100, 100, 50]
    assert [told["track_id"] for told in receiver.accepted()] == list(range(250))


def test_the_end_waits_no_longer_than_told(receiver: Receiver) -> None:
    receiver.hold = threading.Event()
    hook = Webhook(receiver.url, "street", finish_within=0.2, timeout=0.1)
    hook.send([event()] * 3)
    started = time.monotonic()
    hook.close()
    assert time.monotonic() - started < 30
    assert (hook.sent, hook.lost) == (0, 3)


def test_nobody_at_the_address_is_no_error() -> None:
    hook = Webhook("http://127.0.0.1:9/", "street", finish_within=0.3)
    hook.send([event()])
    hook.close()
    assert (hook.sent, hook.lost) == (0, 1)


@pytest.mark.parametrize(
    ("url", "hosts", "message"),
    [
        ("http://hooks.example.com/a", ["hooks.example.com"], "must be https, as hooks.example.com is not this machine"),
        ("https://hooks.example.com/a", [], r"names hooks.example.com, which events.hosts does not list \(it is empty\)"),
        ("https://hooks.example.com.evil.org/a", ["hooks.example.com"], "names hooks.example.com.evil.org"),
        ("https://me:secret@hooks.example.com/", ["hooks.example.com"], "must not hold a user or a password: give events.token"),
        ("https://hooks.example.com@evil.org/", ["hooks.example.com"], "must not hold a user"),
        ("ftp://localhost/", [], "must be an address like https://host/path"),
        ("file:///etc/passwd", [], "must be an address like https://host/path"),
        ("https://", [], "must be an address like https://host/path"),
        ("http://localhost:8080/a b", [], "without blanks"),
        ("http://localhost:8080/\r\nX: 1", [], "without blanks"),
        ("http://[::1", [], "is no address"),
        ("http://localhost:99999/", [], "is no address"),
        ("http://127.0.0.1.evil.org/", [], "must be https"),
    ],
)
def test_only_https_to_listed_hosts_or_this_machine_is_posted_to(url: str, hosts: list[str], message: str) -> None:
    with pytest.raises(ValueError, match=message) as caught:
        Webhook(url, "street", hosts)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "hosts"),
    [
        ("https://Hooks.Example.com:8443/a?b=c", ["hooks.example.com"]),
        ("http://localhost:9", []),
        ("http://[::1]:9/", []),
        ("https://127.0.0.2/", []),
    ],
)
def test_https_to_a_listed_host_and_this_machine_are_taken(url: str, hosts: list[str]) -> None:
    Webhook(url, "street", hosts).close()


def test_a_setting_that_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match=r"attempts and queue from 1: got 5\.0, 30\.0, 5\.0, 0, 1000"):
        Webhook("http://localhost/", "street", attempts=0)
    with pytest.raises(ValueError, match="printable ASCII"):
        Webhook("http://localhost/", "street", token="a\r\nX: 1")
