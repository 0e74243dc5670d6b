"""The live page: who may look, who may stop, and that nobody slows the tracker."""

from __future__ import annotations

import json
import re
import threading
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
import pytest

from bytetrack.demo.web import Page


@pytest.fixture
def page() -> Iterator[Page]:
    stopped = threading.Event()
    page = Page("127.0.0.1", 0, None, stopped.set)
    page.stopped = stopped  # type: ignore[attr-defined]
    yield page
    page.close()


def get(page: Page, path: str, headers: dict[str, str] | None = None, data: bytes | None = None) -> tuple[int, bytes]:
    request = urllib.request.Request(f"http://127.0.0.1:{page.port}{path}", headers=headers or {}, data=data)
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def grey(value: int) -> Any:
    return np.full((40, 60, 3), value, np.uint8)


def test_the_newest_picture_and_status_are_served(page: Page) -> None:
    page.publish(grey(50), {"tracks": 1})
    page.publish(grey(200), {"tracks": 3, "source": "<b>"})
    status, jpeg = get(page, "/picture")
    assert status == 200
    assert abs(int(cv2.imdecode(np.frombuffer(jpeg, np.uint8), 1).mean()) - 200) < 3
    assert json.loads(get(page, "/status")[1]) == {"tracks": 3, "source": "<b>", "viewers": 0}


def test_a_picture_is_encoded_once_however_many_ask(page: Page, monkeypatch: pytest.MonkeyPatch) -> None:
    page.publish(grey(90), {})
    calls = []
    encode = cv2.imencode
    monkeypatch.setattr(cv2, "imencode", lambda *a: calls.append(1) or encode(*a))
    pictures = {get(page, "/picture")[1] for _ in range(5)}
    assert (len(pictures), len(calls)) == (1, 1)


def test_only_the_page_itself_can_press_stop(page: Page) -> None:
    assert get(page, "/stop", data=b"")[0] == 403
    assert get(page, "/stop", {"X-Key": "guess"}, b"")[0] == 403
    assert not page.stopped.is_set()  # type: ignore[attr-defined]
    html = get(page, "/")[1].decode()
    key = re.search(r'"X-Key": "([^"]+)"', html)
    assert key
    assert get(page, "/stop", {"X-Key": key[1]}, b"")[0] == 200
    assert page.stopped.is_set()  # type: ignore[attr-defined]


def test_another_host_name_is_refused(page: Page) -> None:
    assert get(page, "/", {"Host": "evil.example"})[0] == 400


def test_other_addresses_need_a_token() -> None:
    with pytest.raises(ValueError, match=r"page.token"):
        Page("0.0.0.0", 0, None, lambda: None)
    with pytest.raises(ValueError, match="8 characters"):
        Page("0.0.0.0", 0, "short", lambda: None)
    page = Page("0.0.0.0", 0, "long-enough-secret", lambda: None)
    try:
        for path in ("/", "/picture", "/status", "/stream"):
            assert get(page, path)[0] == 403
            assert get(page, f"{path}?token=wrong-wrong")[0] == 403
        assert get(page, "/?token=long-enough-secret")[0] == 200
    finally:
        page.close()


def test_a_taken_port_gives_one_clear_line(page: Page) -> None:
    with pytest.raises(OSError, match=r"cannot serve on 127.0.0.1:\d+: .*choose another page.port"):
        Page("127.0.0.1", page.port, None, lambda: None)


def test_the_stream_sends_parts_and_counts_its_viewers(page: Page) -> None:
    page.publish(grey(10), {})
    with urllib.request.urlopen(f"http://127.0.0.1:{page.port}/stream", timeout=10) as answer:
        first = answer.read(200)
        assert first.startswith(b"--picture\r\nContent-Type: image/jpeg\r\nContent-Length: ")
        assert json.loads(get(page, "/status")[1])["viewers"] == 1
