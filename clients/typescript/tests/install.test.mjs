// What npm makes of this folder.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { test } from "node:test";

const ROOT = fileURLToPath(new URL("../", import.meta.url));
const MADE = new Set(["dist", "node_modules"]);

test("npm install builds a folder that was not built", (t) => {
  const folder = mkdtempSync(join(tmpdir(), "victoryvault-install-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const [client, app] = [join(folder, "client"), join(folder, "app")];
  cpSync(ROOT, client, { recursive: true, filter: (path) => !MADE.has(basename(path)) });
  symlinkSync(join(ROOT, "node_modules"), join(client, "node_modules"));
  mkdirSync(app);
  writeFileSync(join(app, "package.json"), "{}");
  const within = { cwd: app, encoding: "utf8", stdio: "pipe" };
  execFileSync("npm", ["install", "--offline", "--no-audit", "--no-fund", client], within);
  const lines = 'import("@victoryvault/client").then(({ Connection }) => console.log(new Connection("ws://there").state))';
  assert.equal(execFileSync(process.execPath, ["-e", lines], within), "idle\n");
});
