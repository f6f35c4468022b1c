"""uvicorn, set up for this server: one process, or several on one listening socket."""

from __future__ import annotations

import gc
import os
import signal
import socket
import sys
import threading
from functools import partial
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, cast

from uvicorn import Config, Server
from uvicorn.supervisors import Multiprocess

from server.app import build, settle
from server.pages.metrics import FOLDER
from server.sockets.framing import Framed
from server.sockets.handshake import HEADER_BYTES
from server.sockets.http11 import Http

if TYPE_CHECKING:
    from collections.abc import Callable

    from server.pages.demo import Dev
    from server.settings import Settings

BACKLOG = 2048
SEND_BUFFER = 128 * 1024
LAST_WORDS_SECONDS = 2
"""After the server has given a reader up, the kernel does too."""
SIGNALS = (signal.SIGINT, signal.SIGTERM)


def bind(host: str, port: int) -> socket.socket:
    """A socket to listen on. Raises OSError when the address is taken or is not ours."""
    family, kind, protocol, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    listener.set_inheritable(True)
    return listener


def tune(listener: socket.socket, settings: Settings) -> None:
    """What each connection gets from it: a bound on what the kernel holds for a slow reader, and
    on how long it waits for one that has vanished."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER)
    if hasattr(socket, "TCP_USER_TIMEOUT"):
        milliseconds = (settings.send_timeout_seconds + LAST_WORDS_SECONDS) * 1000
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, milliseconds)


def configured(app: Any, settings: Settings, **more: Any) -> Config:
    return Config(
        app,
        ws=cast("type[Framed]", partial(Framed, settings)),
        http=cast("type[Http]", partial(Http, settings)),
        ws_per_message_deflate=False,  # `Framed` has its own
        ws_ping_interval=settings.ping_interval_seconds,
        ws_ping_timeout=settings.ping_interval_seconds,
        h11_max_incomplete_event_size=HEADER_BYTES,
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,  # trusted_proxies says whom to believe
        server_header=False,
        backlog=BACKLOG,
        timeout_graceful_shutdown=settings.drain_seconds,
        **more,
    )


def serve_one(
    settings: Settings,
    listener: socket.socket,
    announce: Callable[[], None],
    dev: Dev | None = None,
) -> None:
    """Until SIGINT or SIGTERM; then returns. `announce` is called when these are heeded."""
    app = build(settings, heed_signals=True, dev=dev)
    settle()
    tune(listener, settings)
    run(Server(configured(app, settings)), listener, announce)


def run(server: Server, listener: socket.socket, announce: Callable[[], None]) -> None:
    """As `Server.run`, which raises the signal once more when it has stopped for it."""

    def stop(*_: object) -> None:
        server.should_exit = True

    for number in SIGNALS:
        signal.signal(number, stop)
    announce()
    server.run(sockets=[listener])


def serve_again(serve: Callable[[], None], meanwhile: Callable[[], None]) -> int:
    """`serve` in a worker process, and in a new one when that has ended by itself.

    Until SIGINT or SIGTERM, or until a worker fails; gives its exit code. `meanwhile` is called
    between a worker that ended well and the next.
    """
    heeded = {*SIGNALS, signal.SIGCHLD}
    signal.signal(signal.SIGCHLD, lambda *_: None)  # what is ignored may never reach `sigwait`
    signal.pthread_sigmask(signal.SIG_BLOCK, heeded)
    lifeline = os.pipe()
    gc.freeze()  # what is there already is for all of them
    worker = fork(serve, lifeline)
    stopping = False
    while True:
        if signal.sigwait(heeded) != signal.SIGCHLD:
            stopping = True
            os.kill(worker, signal.SIGTERM)
            continue
        ended, status = os.waitpid(worker, os.WNOHANG)
        if not ended:
            continue  # it was another child
        code = os.waitstatus_to_exitcode(status)
        if stopping or code > 0:
            return code
        if code == 0:
            meanwhile()
        worker = fork(serve, lifeline)


def fork(work: Callable[[], None], lifeline: tuple[int, int]) -> int:
    """The id of a process that does `work` and dies with this one, whatever ends it.

    Ctrl-C at a terminal reaches both; the child leaves it to this one.
    """
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        ours, parents = lifeline
        os.close(parents)
        threading.Thread(target=die_with_parent, args=(ours,), daemon=True).start()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGTERM, signal.SIGCHLD})
        work()
        code = 0
    except SystemExit as error:
        code = int(error.code or 0)
    except BaseException:  # noqa: BLE001 - it is said, and the exit code says it
        sys.excepthook(*sys.exc_info())
    finally:
        sys.stdout.flush()
        os._exit(code)


def die_with_parent(lifeline: int) -> None:
    os.read(lifeline, 1)  # nothing ever comes but its end
    os.kill(os.getpid(), signal.SIGKILL)


def serve_many(settings: Settings, listener: socket.socket, workers: int) -> None:
    """The same with worker processes, which are started again when they die."""
    tune(listener, settings)
    config = configured("server.app:create", settings, factory=True, workers=workers)
    with TemporaryDirectory(prefix="victoryvault-") as folder:
        os.environ[FOLDER] = folder
        Multiprocess(config, sockets=[listener]).run()
