"""Our uvicorn protocol for WebSockets: it carries frames made once, and has deadlines for the slow.

`Framed` offers itself to the app in the scope, as an ASGI extension. Until the app takes it, and on
servers that have none, everything goes by the messages of ASGI. The ordinary text message is read
here; all that is unusual goes the whole way through websockets' parser.

What is touched of uvicorn and websockets that they do not promise stands in `touched`.
"""

from __future__ import annotations

import asyncio
import time
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets import http11
from websockets.exceptions import ProtocolError
from websockets.extensions.permessage_deflate import (
    PerMessageDeflate,
    ServerPerMessageDeflateFactory,
)
from websockets.frames import Frame as RawFrame
from websockets.frames import Opcode
from websockets.protocol import State
from websockets.server import ServerProtocol

try:
    from websockets.speedups import apply_mask
except ImportError:
    from websockets.utils import apply_mask

from server.protocol import closing
from server.protocol.frames import FINAL_TEXT, LONG, SHORT, WINDOW
from server.protocol.messages import encode
from server.sockets.handshake import HEADER_BYTES
from server.sockets.mailbox import Mailbox
from server.sockets.outbox import HIGH

if TYPE_CHECKING:
    from asyncio import TimerHandle
    from asyncio.transports import BaseTransport
    from collections.abc import Callable

    from websockets.http11 import Response

    from server.protocol.closing import Closing
    from server.protocol.frames import Frame
    from server.settings import Settings

http11.MAX_LINE_LENGTH = HEADER_BYTES  # one header may have all of them

EXTENSION = "victoryvault.framed"
MASKED = 0x80
HEAD = 6
"""Bytes before a short payload: two, and the mask."""
LOW = HIGH // 4
DEFLATE = ServerPerMessageDeflateFactory(
    server_no_context_takeover=True,  # so that one compressed frame serves all
    client_no_context_takeover=True,  # so that a connection keeps no window
)
WRITABLE = asyncio.Event()
WRITABLE.set()
"""What sends by ASGI waits for: never, once somebody listens."""
REFUSALS = {
    400: (
        "This is no handshake: look at Sec-WebSocket-Key and Sec-WebSocket-Version.",
        "invalid_request",
    ),
    431: ("The handshake's headers are too large or too many.", "message_too_large"),
    500: ("The server has failed; it has been logged.", "internal_error"),
}
"""What websockets refuses by itself."""
LAST_WORDS_SECONDS = 1.0
"""Who read nothing for too long has so long to read why."""
SECOND = 1.0


class Listener(Protocol):
    """Who is told of a framed connection."""

    def received(self, text: str | None) -> None:
        """A message; None is a binary one."""

    def filled(self) -> None:
        """There is more to send than should be: until `drained`."""

    def drained(self) -> None: ...

    def lost(self) -> None:
        """Nothing may be sent any more: the closing handshake has begun, or the socket is gone."""


class Limited(ServerProtocol):
    """websockets' protocol, which refuses what costs its sender less than us."""

    def __init__(self, settings: Settings, closes: Callable[[], None], **options: Any) -> None:
        """`closes` is called when a close frame is to be sent, whoever has begun it."""
        super().__init__(max_size=settings.max_message_bytes, **options)
        self.closes = closes
        self.max_fragments = settings.max_fragments
        self.max_control_frames = settings.max_control_frames_per_second
        self.fragments = 0
        self.control_frames = 0
        self.counted_since = 0.0
        self.fed = self.ended = 0
        """Bytes that came here, and where among them the last frame ended, or the handshake."""

    @property
    def is_between(self) -> bool:
        """Whether the next byte begins a message. An empty buffer says less: the parser may have
        taken a part of a frame out of it already."""
        return self.ended == self.fed and self.current_size is None

    def receive_data(self, data: bytes | bytearray) -> None:
        self.fed += len(data)
        super().receive_data(data)

    def end_here(self) -> None:
        self.ended = self.fed - len(self.reader.buffer)

    def recv_frame(self, frame: RawFrame) -> None:
        self.end_here()
        if frame.opcode in {Opcode.TEXT, Opcode.BINARY}:
            self.fragments = 1
        elif frame.opcode is Opcode.CONT:
            self.fragments += 1
            if self.max_fragments and self.fragments > self.max_fragments:
                self.refuse()
                return
        elif frame.opcode is Opcode.CLOSE:
            self.current_size = None  # it may come between fragments: RFC 6455, 5.4
        elif self.max_control_frames:
            now = time.monotonic()
            if now - self.counted_since >= SECOND:
                self.control_frames, self.counted_since = 0, now
            self.control_frames += 1
            if self.control_frames > self.max_control_frames:
                self.refuse()
                return
        super().recv_frame(frame)

    def send_frame(self, frame: RawFrame) -> None:
        if frame.opcode is Opcode.CLOSE:
            self.closes()
        super().send_frame(frame)

    def reject(self, status: int, text: str) -> Response:
        """Of a handshake, in the form of all refusals; what websockets says of it stays here."""
        sentence, kind = REFUSALS.get(status, (HTTPStatus(status).phrase, "invalid_request"))
        body = encode({"error": {"message": sentence, "kind": kind}})
        response = super().reject(status, body.decode())
        del response.headers["Content-Type"]
        response.headers["Content-Type"] = "application/json"
        return response

    def refuse(self) -> None:
        self.fail(closing.ABUSE.code, closing.ABUSE.reason)
        self.parser_exc = ProtocolError(closing.ABUSE.reason)


class Framed(WebSocketsSansIOProtocol):
    """Of one connection. It is the line of an outbox once somebody listens."""

    __slots__ = (
        *("close_sent", "deadline", "deflates", "is_full", "listener", "max_length"),
        *("send_timeout", "transport", "written"),
    )

    def __init__(self, settings: Settings, **given: Any) -> None:
        super().__init__(**given)
        self.queue = Mailbox()  # type: ignore[assignment]
        self.conn: Limited = Limited(
            settings,
            self.lose,
            extensions=[DEFLATE] if settings.permessage_deflate else [],
            logger=self.logger,
        )
        self.max_length = min(settings.max_message_bytes, LONG - 1)
        self.send_timeout = settings.send_timeout_seconds
        self.listener: Listener | None = None
        self.deflates = False
        """Whether frames go compressed: all of a connection's, or none."""
        self.is_full = False
        self.written = 0
        """Bytes given to the transport, but for what went straight."""
        self.deadline: TimerHandle | None = None

    @property
    def size(self) -> int:
        return self.transport.get_write_buffer_size()

    def connection_made(self, transport: BaseTransport) -> None:
        super().connection_made(transport)
        self.transport.set_write_buffer_limits(HIGH, LOW)

    def handle_connect(self, event: Any) -> None:
        super().handle_connect(event)
        self.conn.end_here()
        if not self.close_sent:
            extensions: dict[str, object] = self.scope["extensions"]  # type: ignore[assignment]
            extensions[EXTENSION] = self
            self.deflates = any(
                isinstance(each, PerMessageDeflate) and each.local_max_window_bits == WINDOW
                for each in self.conn.extensions
            )

    def listen(self, listener: Listener) -> None:
        """From now on the listener gets the messages, and nobody else; the first may be there."""
        self.listener = listener
        self.writable = WRITABLE
        del self.request, self.response  # a handshake's headers are of no use any more
        self.scope["headers"] = []
        while not self.queue.empty():
            event = self.queue.get_nowait()
            if event["type"] == "websocket.receive":
                listener.received(event.get("text"))
            else:
                self.queue.put_nowait(event)
                break
        self.read_on()

    def leave(self) -> None:
        self.listener = None

    # in

    def data_received(self, data: bytes) -> None:
        conn = self.conn
        if self.listener is not None and conn.is_between:
            at = self.take_texts(data)
            if at == len(data):
                return
            data = data[at:]
        conn.receive_data(data)
        if conn.handshake_exc is not None and not self.close_sent:
            self.close_sent = True
            self.transport.write(b"".join(conn.data_to_send()))
            self.transport.close()
            return
        self.handle_events()
        if conn.parser_exc is not None and not self.close_sent:
            self.handle_parser_exception()

    def take_texts(self, data: bytes) -> int:
        """The short text messages that come whole, one after the other; gives where they end."""
        received = self.listener.received  # type: ignore[union-attr]
        at, end = 0, len(data)
        while end - at >= HEAD and data[at] == FINAL_TEXT and not self.close_sent:
            length, start = data[at + 1] - MASKED, at + 2
            if length == SHORT and end - at >= HEAD + 2:
                length, start = int.from_bytes(data[start : start + 2], "big"), start + 2
                if length < SHORT:
                    break
            elif not 0 <= length < SHORT:
                break
            body = start + 4
            if length > self.max_length or body + length > end:
                break
            try:
                text = apply_mask(data[body : body + length], data[start:body]).decode()
            except UnicodeDecodeError:
                break
            at = body + length
            received(text)
        return at

    def send_receive_event_to_app(self) -> None:
        """Of a message that went through websockets' parser."""
        data = b"".join(self.frames)
        self.frames = []
        if self.close_sent:
            return
        text = None
        if self.curr_msg_data_type == "text":
            try:
                text = data.decode()
            except UnicodeDecodeError:
                self.close(closing.BAD_UTF8)
                return
        if self.listener is not None:
            self.listener.received(text)
            return
        self.queue.put_nowait(
            {"type": "websocket.receive", "bytes": data}
            if text is None
            else {"type": "websocket.receive", "text": text}
        )
        self.hold()

    def handle_ping(self) -> None:
        pongs = self.conn.data_to_send()
        if not self.close_sent:  # afterwards nobody would bound them
            self.transport.write(b"".join(pongs))

    def handle_parser_exception(self) -> None:
        if self.conn.close_sent is None:  # before the handshake was answered
            self.close_sent = True
            self.queue.put_nowait({"type": "websocket.disconnect", "code": 1006})
            self.transport.close()
        else:
            super().handle_parser_exception()

    def hold(self) -> None:
        """Reads nothing more until `read_on`."""
        if not self.read_paused and not self.transport.is_closing():
            self.read_paused = True
            self.transport.pause_reading()

    def read_on(self) -> None:
        if self.read_paused and not self.transport.is_closing():
            self.read_paused = False
            self.transport.resume_reading()

    # out

    @property
    def straight(self) -> Callable[[bytes], None] | None:
        return None if self.deflates else self.transport.write

    def write(self, frames: list[Frame]) -> None:
        if not self.close_sent and not self.transport.is_closing():
            if self.deflates:
                data = b"".join([each.deflated for each in frames])
            elif len(frames) == 1:
                data = frames[0].wired
            else:
                data = b"".join([each.wired for each in frames])
            self.written += len(data)
            self.transport.write(data)

    def close(self, why: Closing) -> None:
        self.close_within(why, self.close_timeout)

    def close_within(self, why: Closing, seconds: float) -> None:
        if self.close_sent or self.conn.state is not State.OPEN or self.transport.is_closing():
            return
        self.conn.send_close(why.code, why.reason)
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        self.queue.put_nowait(
            {"type": "websocket.disconnect", "code": why.code, "reason": why.reason}
        )
        self.read_on()
        self.close_timer = self.loop.call_later(seconds, self.give_up)

    def give_up(self) -> None:
        """The close was not answered in time. Who has it gets the end of the stream after it."""
        if self.size:
            self.transport.abort()
        else:
            self.transport.close()

    def pause_writing(self) -> None:
        if self.writable is not WRITABLE:
            super().pause_writing()
        self.is_full = True
        self.watch()
        if self.listener is not None:
            self.listener.filled()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.is_full = False
        if self.deadline is not None:
            self.deadline.cancel()
            self.deadline = None
        if self.listener is not None:
            self.listener.drained()

    def watch(self) -> None:
        taken = self.written - self.size
        self.deadline = self.loop.call_later(self.send_timeout, self.look, taken)

    def look(self, before: int) -> None:
        """Whether the network has taken anything of a line that is full."""
        if self.transport.is_closing():
            return
        if self.written - self.size > before:
            self.watch()
        else:
            self.close_within(closing.NOTHING_READ, LAST_WORDS_SECONDS)

    def lose(self) -> None:
        if self.listener is not None:
            self.listener.lost()

    def connection_lost(self, exc: Exception | None) -> None:
        if self.deadline is not None:
            self.deadline.cancel()
        self.lose()
        super().connection_lost(exc)
