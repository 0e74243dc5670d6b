"""A network camera that speaks RTSP: `rtsp_camera.py PORT FILM.h264 [USER:PASSWORD]` plays the film over and over, 25 frames a second.

RFC 2326 as far as a player needs it, with RTP inside the connection (interleaved, RFC 6184: a NAL unit a packet).
"""

import base64
import socketserver
import struct
import sys
import time
from collections.abc import Iterator
from pathlib import Path

UNITS = [unit.rstrip(b"\0") for unit in Path(sys.argv[2]).read_bytes().split(b"\0\0\1") if unit.strip(b"\0")]
KEY = "Basic " + base64.b64encode(sys.argv[3].encode()).decode() if len(sys.argv) > 3 else None
PICTURE = (1, 5)  # kinds of NAL units that are a picture


def described() -> str:
    sets = ",".join(base64.b64encode(next(unit for unit in UNITS if unit[0] & 31 == kind)).decode() for kind in (7, 8))
    return (
        "v=0\r\no=- 0 0 IN IP4 127.0.0.1\r\ns=camera\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\nm=video 0 RTP/AVP 96\r\na=rtpmap:96 H264/90000\r\n"
        f"a=fmtp:96 packetization-mode=1;sprop-parameter-sets={sets}\r\na=control:track0\r\n"
    )


def packets() -> Iterator[tuple[bool, bytes]]:
    """RTP packets, for ever; true with the last of a picture."""
    number, frame = 0, 0
    while True:
        for unit in UNITS:
            last = unit[0] & 31 in PICTURE
            yield last, struct.pack(">BBHII", 0x80, 96 | 128 * last, number & 0xFFFF, (frame * 3600) & 0xFFFFFFFF, 7) + unit
            number, frame = number + 1, frame + last


class Handler(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        try:
            while request := self._request():
                self._answer(*request)
        except OSError:
            pass

    def _request(self) -> tuple[str, str, dict[str, str]] | None:
        first = self.rfile.readline().decode().split()
        fields = {}
        while (line := self.rfile.readline().decode().strip()) != "":
            name, _, value = line.partition(":")
            fields[name.lower()] = value.strip()
        return (first[0], first[1], fields) if len(first) == 3 else None

    def _answer(self, method: str, address: str, fields: dict[str, str]) -> None:
        head, body, status = [f"CSeq: {fields.get('cseq', '0')}"], "", "200 OK"
        if KEY is not None and fields.get("authorization") != KEY:
            status, head = "401 Unauthorized", [*head, 'WWW-Authenticate: Basic realm="camera"']
        elif method == "OPTIONS":
            head.append("Public: OPTIONS, DESCRIBE, SETUP, PLAY, TEARDOWN")
        elif method == "DESCRIBE":
            body = described()
            head += ["Content-Type: application/sdp", f"Content-Base: {address}/", f"Content-Length: {len(body)}"]
        elif method == "SETUP":
            head += ["Transport: RTP/AVP/TCP;unicast;interleaved=0-1", "Session: 1"]
        elif method == "PLAY":
            head.append("Session: 1")
        self.wfile.write("\r\n".join([f"RTSP/1.0 {status}", *head, "", body]).encode())
        if method == "PLAY" and status == "200 OK":
            for last, packet in packets():
                self.wfile.write(b"$\0" + struct.pack(">H", len(packet)) + packet)
                time.sleep(0.04 * last)


socketserver.ThreadingTCPServer.allow_reuse_address = True
socketserver.ThreadingTCPServer.daemon_threads = True
socketserver.ThreadingTCPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
