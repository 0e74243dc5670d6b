"""The demo's web page: live picture, counts, milliseconds per stage and a stop button, for any number of viewers.

The tracker only leaves its newest picture here. Encoding happens in the server's threads, once a picture and only while
somebody looks, so viewers never slow it.
"""

from __future__ import annotations

import asyncio
import contextlib
import hmac
import logging
import secrets
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

__all__ = ["Page"]

log = logging.getLogger(__name__)

BOUNDARY = b"picture"
LOCAL = ("127.0.0.1", "localhost", "::1")
WIDEST = 1280  # pixels; wider pictures are sent smaller


class Page:
    """A page at `http://host:port/`; `publish` gives it a picture and a status, `on_stop` is called when its button is pressed.

    Any address but this machine's own needs a `token` of at least 8 characters, which viewers pass as `?token=`; ValueError without.
    Port 0 takes a free one. Requests whose Host header is not ours are refused (DNS rebinding), and stopping needs the
    page's own key (no other site can press the button).
    """

    def __init__(self, host: str, port: int, token: str | None, on_stop: Callable[[], None]) -> None:
        if host not in LOCAL and len(token or "") < 8:
            raise ValueError(f"page.host={host} opens the page to others: set page.token to a secret of at least 8 characters")
        self.host, self.token, self.on_stop = host, token, on_stop
        self._key = secrets.token_urlsafe(16)
        self._lock = threading.Lock()
        self._image: npt.NDArray[np.uint8] | None = None
        self._number = 0
        self._encoded: tuple[int, bytes] = (0, b"")
        self._status: dict[str, Any] = {}
        self._viewers = 0
        self._socket = _listen(host, port)
        self.port = int(self._socket.getsockname()[1])
        self._server = self._start()

    @property
    def address(self) -> str:
        return f"http://{'localhost' if self.host in LOCAL else self.host}:{self.port}/" + (f"?token={self.token}" if self.token else "")

    def publish(self, image: npt.NDArray[np.uint8], status: dict[str, Any]) -> None:
        """Takes the newest picture (uint8 HxWx3 BGR, not changed later by the caller) and the state to show; costs microseconds."""
        with self._lock:
            self._image, self._status = image, status
            self._number += 1

    def close(self) -> None:
        """Ends the server; viewers' connections close."""
        self._server.should_exit = True
        self._server.force_exit = True
        self._thread.join(timeout=5)
        self._socket.close()

    def _start(self) -> Any:
        import uvicorn
        from starlette.applications import Starlette
        from starlette.middleware import Middleware
        from starlette.middleware.trustedhost import TrustedHostMiddleware
        from starlette.routing import Route

        routes = [
            Route("/", self._page),
            Route("/picture", self._picture),
            Route("/stream", self._stream),
            Route("/status", self._report),
            Route("/stop", self._stop, methods=["POST"]),
        ]
        hosts = ["*"] if self.host not in LOCAL else ["localhost", "127.0.0.1", "[::1]"]
        app = Starlette(routes=routes, middleware=[Middleware(TrustedHostMiddleware, allowed_hosts=hosts)])
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off", access_log=False))
        self._thread = threading.Thread(target=server.run, kwargs={"sockets": [self._socket]}, name="page", daemon=True)
        self._thread.start()
        log.info("live at %s", self.address)
        return server

    def _allowed(self, request: Any) -> bool:
        given = request.query_params.get("token", "")
        return self.token is None or hmac.compare_digest(given.encode(), self.token.encode())

    def _refusal(self) -> Any:
        from starlette.responses import PlainTextResponse

        return PlainTextResponse("add ?token=… to the address\n", status_code=403)

    async def _page(self, request: Any) -> Any:
        from starlette.responses import HTMLResponse

        if not self._allowed(request):
            return self._refusal()
        html = Path(__file__).with_name("page.html").read_text(encoding="utf-8")
        headers = {
            "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; style-src 'unsafe-inline'; script-src 'unsafe-inline'",
            "Cache-Control": "no-store",
        }
        return HTMLResponse(html.replace("%KEY%", self._key), headers=headers)

    async def _picture(self, request: Any) -> Any:
        from starlette.responses import Response

        if not self._allowed(request):
            return self._refusal()
        jpeg = await asyncio.to_thread(self._jpeg)
        return Response(jpeg, media_type="image/jpeg", status_code=200 if jpeg else 503, headers={"Cache-Control": "no-store"})

    async def _stream(self, request: Any) -> Any:
        from starlette.responses import StreamingResponse

        if not self._allowed(request):
            return self._refusal()
        return StreamingResponse(self._parts(request), media_type=f"multipart/x-mixed-replace; boundary={BOUNDARY.decode()}")

    async def _report(self, request: Any) -> Any:
        from starlette.responses import JSONResponse

        if not self._allowed(request):
            return self._refusal()
        with self._lock:
            status = {**self._status, "viewers": self._viewers}
        return JSONResponse(status, headers={"Cache-Control": "no-store"})

    async def _stop(self, request: Any) -> Any:
        from starlette.responses import PlainTextResponse

        if not self._allowed(request) or not hmac.compare_digest(request.headers.get("x-key", "").encode(), self._key.encode()):
            return self._refusal()
        self.on_stop()
        return PlainTextResponse("stopping\n")

    async def _parts(self, request: Any) -> AsyncIterator[bytes]:
        """Yields each new picture as a part of a multipart stream, at most 30 a second; slow viewers skip pictures."""
        sent = 0
        self._viewers += 1
        try:
            while not self._server.should_exit and not await request.is_disconnected():
                if self._number == sent:
                    await asyncio.sleep(0.01)
                    continue
                sent = self._number
                jpeg = await asyncio.to_thread(self._jpeg)
                yield (
                    b"--"
                    + BOUNDARY
                    + b"\r\nContent-Type: image/jpeg\r\nContent-Length: "
                    + str(len(jpeg)).encode()
                    + b"\r\n\r\n"
                    + jpeg
                    + b"\r\n"
                )
                await asyncio.sleep(1 / 30)
        finally:
            self._viewers -= 1

    def _jpeg(self) -> bytes:
        """Returns the newest picture as JPEG, encoded once however many ask."""
        with self._lock:
            number, image = self._number, self._image
            if self._encoded[0] == number or image is None:
                return self._encoded[1]
        if image.shape[1] > WIDEST:
            height = round(image.shape[0] * WIDEST / image.shape[1])
            image = np.asarray(cv2.resize(image, (WIDEST, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
        data = bytes(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 80])[1])
        with self._lock:
            if number > self._encoded[0]:
                self._encoded = (number, data)
        return data


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    with contextlib.suppress(OSError):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    deadline = time.monotonic() + 1
    while True:
        try:
            listener.bind((host, port))
            listener.listen(128)
            return listener
        except OSError as error:
            if time.monotonic() > deadline:
                listener.close()
                raise OSError(f"cannot serve on {host}:{port}: {error.strerror}; choose another page.port (0 takes a free one)") from None
            time.sleep(0.2)
