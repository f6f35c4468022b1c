"""How each peer is spoken to: what its own client would send, and no more."""

from __future__ import annotations

import msgspec

from bench.peers.orders import Step, Wire

GUILD = "Guild 1"
"""Whose ten rows are followed on VictoryVault."""
ENGINE = "/socket.io/?EIO=4&transport=websocket"
SIZE = 250
ID = b"%ID%"
MESSAGE = b"%MESSAGE%"
MARK = "@0000000000@0000000000000000@"
"""Which publish it is and when it left: `crowd.c` fills it in."""
ROW = "0197e6f0-0000-7000-8000-000000000000"


def message(size: int = SIZE) -> dict[str, str | int]:
    """What is published: of `size` bytes as JSON."""
    row: dict[str, str | int] = {"id": ROW, "version": 7, "status": MARK}
    return row | {"status": MARK.ljust(size - len(msgspec.json.encode(row)) + len(MARK), "x")}


def json_rpc(method: bytes, params: bytes, id_: bytes = b"1") -> bytes:
    return b'{"jsonrpc":"2.0","method":"%b","params":%b,"id":%b}' % (method, params, id_)


def packed(kind: str) -> bytes:
    """The beginning of a message to a room of Colyseus: what it carries comes behind."""
    return b"\x0d" + msgspec.msgpack.encode(kind)


FLOOR = Wire(
    subscribing=[Step(b"s", b"s")],
    publish=b"p" + MESSAGE,
    call=json_rpc(b"ping", b"{}", ID),
    reply=b"ping",
)
OURS = Wire(
    subscribing=[
        Step(
            json_rpc(b"user.subscribe", b'{"where":{"profile.guild":"%b"}}' % GUILD.encode()),
            b'"result"',
        )
    ],
    publish=MESSAGE,
    call=json_rpc(b"rpc.ping", b"{}", ID),
    reply=b'"result"',
)
NATS = Wire(
    opening=[
        Step(wait=b"INFO"),
        Step(b'CONNECT {"verbose":false,"pedantic":false,"protocol":1}\r\nPING\r\n', b"PONG"),
    ],
    subscribing=[Step(b"SUB players 1\r\nPING\r\n", b"PONG")],
    publish=b"PUB players %d\r\n%b\r\n" % (SIZE, MESSAGE),
    is_binary=True,
)
WS = Wire(
    subscribing=[Step(json_rpc(b"subscribe", b"{}"), b"result")],
    publish=json_rpc(b"publish", MESSAGE),
    call=json_rpc(b"ping", b"{}", ID),
    reply=b'"result"',
)
RPC_WEBSOCKETS = Wire(
    subscribing=[Step(json_rpc(b"rpc.on", b'["changed"]'), b"result")],
    publish=json_rpc(b"publish", MESSAGE),
    call=json_rpc(b"ping", b"{}", ID),
    reply=b'"result"',
)
SOCKET_IO = Wire(
    opening=[Step(wait=b"0{"), Step(b"40", b"40")],
    subscribing=[Step(b'421["subscribe","players"]', b"431")],
    publish=b'42["publish","players",%b]' % MESSAGE,
    call=b'42%b["call"]' % ID,
    reply=b"43",
)
COLYSEUS = Wire(
    opening=[Step(wait=b"\x0a"), Step(send=b"\x0a")],
    publish=packed("publish") + MESSAGE,
    call=packed("ping"),
    reply=b"pong",
    packs=True,
    is_binary=True,
)
PUBSUB = Wire(
    subscribing=[
        Step(
            b'{"request":{"method":"subscribe","arguments":{"topics":["players"]},"call_id":"s"}}',
            b"response",
        )
    ],
    publish=b'{"request":{"method":"publish","arguments":{"topics":["players"],"data":%b},'
    b'"call_id":"p"}}' % MESSAGE,
    call=b'{"request":{"method":"ping","arguments":{},"call_id":"%b"}}' % ID,
    reply=b"pong",
    acknowledgement=(
        b'"call_id":"',
        b'{"response":{"result":null,"result_type":null,"call_id":"',
        b'"}}',
    ),
)
