"""The command line of PostgreSQL."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from server.database.embedded.binaries import Binaries

# For a small database that loses nothing: what a commit promised is on the disk.
SETTINGS: Final[Mapping[str, str]] = {
    "fsync": "on",
    "full_page_writes": "on",
    "synchronous_commit": "on",
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": "5432",
    "max_connections": "100",
    "shared_buffers": "64MB",
    "min_wal_size": "32MB",
    "max_logical_replication_workers": "0",  # its launcher would be a process for nothing
    "jit": "off",
    "log_destination": "stderr",
    "logging_collector": "off",
    "log_checkpoints": "off",
    "log_error_verbosity": "terse",  # a detail may quote a row
    "lc_messages": "C",
}
NEWER_SETTINGS: Final[Mapping[int, Mapping[str, str]]] = {
    18: {"io_method": "sync"},  # or three more idle processes
}


def command(binaries: Binaries, data: Path, sockets: Path, name: str) -> list[str]:
    settings = {"unix_socket_directories": str(sockets), "cluster_name": name, **SETTINGS}
    for major, newer in NEWER_SETTINGS.items():
        settings |= newer if binaries.major >= major else {}
    options = [word for key, value in settings.items() for word in ("-c", f"{key}={value}")]
    return [str(binaries.directory / "postgres"), "-D", str(data), *options]
