// The real server, by the command that users run, on data of its own.
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const PYTHON = join(ROOT, ".venv/bin/python");
/** Below those that the system gives to clients. */
const PORTS = { from: 20_000, to: 32_768 };

/** Starts `victoryvault dev`, or another command. Gives its `url`, its `data` folder and what stops it. */
export async function startServer({ command = "dev", environment = {} } = {}) {
  const folder = mkdtempSync(join(tmpdir(), "victoryvault-browsers-"));
  chmodSync(folder, 0o755); // as root PostgreSQL runs as somebody else
  const data = join(folder, "data");
  const server = spawn(PYTHON, ["-m", "server", command, "--port", `${await freePort()}`, "--data", data], {
    cwd: ROOT,
    env: { ...process.env, ...environment },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = once(server, "exit");
  const stop = async () => {
    server.kill("SIGTERM");
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  for await (const line of createInterface(server.stdout)) {
    const found = /VictoryVault is at (http:\S+)/.exec(line);
    if (!found) continue;
    server.stdout.resume();
    return { url: found[1], data, stop };
  }
  await stop();
  throw new Error("The server did not start.");
}

/** Makes a database on the PostgreSQL of a server that runs on `data`. Gives its DSN. */
export function createDatabase(data, name) {
  return execFileSync(PYTHON, [fileURLToPath(new URL("database.py", import.meta.url)), data, name], {
    cwd: ROOT,
    env: { ...process.env, PYTHONPATH: ROOT },
    encoding: "utf8",
  }).trim();
}

export async function freePort() {
  for (;;) {
    const port = PORTS.from + Math.floor(Math.random() * (PORTS.to - PORTS.from));
    const listener = createServer().listen(port, "127.0.0.1");
    const isFree = await Promise.race([
      once(listener, "listening").then(() => true),
      once(listener, "error").then(() => false),
    ]);
    if (!isFree) continue;
    listener.close();
    await once(listener, "close");
    return port;
  }
}
