"""What we touch of uvicorn and websockets that they do not promise: a new version may move it."""

from __future__ import annotations

from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from websockets import http11
from websockets.server import ServerProtocol

TOUCHED = {
    WebSocketsSansIOProtocol: (
        *("conn", "queue", "transport", "loop", "scope", "frames", "curr_msg_data_type"),
        *("close_sent", "close_timer", "close_timeout", "read_paused", "logger"),
        *("request", "response", "writable"),
        *("handle_connect", "handle_events", "handle_ping", "handle_parser_exception"),
        *(
            "connection_made",
            "connection_lost",
            "pause_writing",
            "resume_writing",
            "send_receive_event_to_app",
        ),
    ),
    ServerProtocol: (
        *("reader", "current_size", "parser_exc", "handshake_exc", "state"),
        *("recv_frame", "send_frame", "fail"),
    ),
    http11: ("MAX_LINE_LENGTH",),
    H11Protocol: (
        *("conn", "transport", "loop", "cycle", "data_received", "on_response_complete"),
        *("handle_websocket_upgrade", "connection_made", "connection_lost", "shutdown"),
        "_unsupported_upgrade_warning",
    ),
}
