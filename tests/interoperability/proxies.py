"""nginx and Caddy with TLS before a server, from the files that a user would copy."""

from __future__ import annotations

import asyncio
import os
import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from tests.conftest import free_port
from tests.interoperability.tools import HERE, find, need, run

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.process import ServerProcess

KINDS = ("nginx", "caddy")
START_SECONDS = 15
NGINX = """
daemon off; pid {folder}/nginx.pid; error_log stderr; worker_processes 1;
events {{}}
http {{
    access_log off; proxy_read_timeout {idle_ms}ms;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {site}
}}
"""
CADDY = """
{{
    admin off
    auto_https off
}}
{site}
"""
IDLE_MS = 1500
"""nginx drops a socket of which nothing came for so long; by itself after a minute."""


class Certificate(NamedTuple):
    """Self-made, for localhost."""

    path: Path
    key: Path

    @property
    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.path))

    @property
    def environment(self) -> dict[str, str]:
        """By which Node, Python and curl believe it."""
        names = ("NODE_EXTRA_CA_CERTS", "SSL_CERT_FILE", "CURL_CA_BUNDLE")
        return dict.fromkeys(names, str(self.path))


class Proxy(NamedTuple):
    port: int
    certificate: Certificate

    @property
    def origin(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def rpc(self) -> str:
        return f"wss://localhost:{self.port}/rpc"


async def certify(folder: Path) -> Certificate:
    need("openssl")
    made = Certificate(folder / "game.pem", folder / "game.key")
    code, _, complaints = await run(
        *("openssl", "req", "-x509", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
        *("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"),
        *("-addext", "subjectAltName=DNS:localhost"),
        *("-out", made.path, "-keyout", made.key),
        seconds=30,
    )
    assert code == 0, complaints
    return made


def site(file: str, changed: dict[str, str]) -> str:
    """The file with what a user would change."""
    text = (HERE / "proxies" / file).read_text()
    for theirs, ours in changed.items():
        assert theirs in text
        text = text.replace(theirs, ours)
    return text


def nginx(folder: Path, port: int, upstream: str, certificate: Certificate) -> tuple[str, ...]:
    changed = {
        "listen 443": f"listen 127.0.0.1:{port}",
        "game.example.org": "localhost",
        "/etc/ssl/game.pem": str(certificate.path),
        "/etc/ssl/game.key": str(certificate.key),
        "127.0.0.1:8080": upstream,
    }
    text = NGINX.format(folder=folder, idle_ms=IDLE_MS, site=site("nginx.conf", changed))
    (folder / "nginx.conf").write_text(text)
    return ("-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf"))


def caddy(folder: Path, port: int, upstream: str, certificate: Certificate) -> tuple[str, ...]:
    local = (
        f"https://localhost:{port} {{\n\tbind 127.0.0.1\n\ttls {certificate.path} {certificate.key}"
    )
    changed = {"game.example.org {": local, "127.0.0.1:8080": upstream}
    (folder / "Caddyfile").write_text(CADDY.format(site=site("Caddyfile", changed)))
    return ("run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile")


@asynccontextmanager
async def proxied(
    kind: str, server: ServerProcess, folder: Path, certificate: Certificate
) -> AsyncIterator[Proxy]:
    """Of its own folder, on a free port; ended at the end."""
    need(kind)
    port, upstream = free_port(), server.url.removeprefix("http://")
    arguments = {"nginx": nginx, "caddy": caddy}[kind](folder, port, upstream, certificate)
    complaints = folder / "complaints"
    with complaints.open("w") as log:
        started = await asyncio.create_subprocess_exec(
            find(kind) or kind,
            *arguments,
            env={**os.environ, "HOME": str(folder), "XDG_DATA_HOME": str(folder)},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
        )
    try:
        async with asyncio.timeout(START_SECONDS):
            while not await listens(port):
                assert started.returncode is None, complaints.read_text()
        yield Proxy(port, certificate)
    finally:
        if started.returncode is None:
            started.terminate()
        await started.wait()


async def listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionRefusedError:
        await asyncio.sleep(0.02)
        return False
    writer.close()
    return True
