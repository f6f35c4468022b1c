// Runs the tests against one real server: the one at VICTORYVAULT_URL, or its own.
import { spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const START_MS = 120_000;
const ROOT = new URL("../../../", import.meta.url).pathname;

function freePort() {
  return new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address();
      server.close(() => resolve(port));
    });
  });
}

const ended = (child) => new Promise((resolve) => child.once("exit", resolve));

let url = process.env.VICTORYVAULT_URL;
let server, folder;
if (!url) {
  const port = await freePort();
  folder = mkdtempSync(join(tmpdir(), "victoryvault-client-"));
  chmodSync(folder, 0o755);
  const command = ["-m", "server", "dev", "--port", `${port}`, "--data", join(folder, "data")];
  server = spawn(`${ROOT}.venv/bin/python`, command, { cwd: ROOT, stdio: ["ignore", "ignore", "inherit"] });
  url = `ws://127.0.0.1:${port}/rpc`;
  const by = Date.now() + START_MS;
  while (!(await fetch(`http://127.0.0.1:${port}/ready`).then((reply) => reply.ok, () => false))) {
    if (Date.now() > by || server.exitCode !== null) throw new Error("The server does not start.");
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

const files = process.argv.slice(2);
const tests = spawn(process.execPath, ["--test", "--test-concurrency=1", ...(files.length ? files : ["tests/"])], {
  env: { ...process.env, VICTORYVAULT_URL: url },
  stdio: "inherit",
});
process.exitCode = await ended(tests);
if (server) {
  server.kill("SIGTERM");
  await ended(server);
  rmSync(folder, { recursive: true, force: true });
}
