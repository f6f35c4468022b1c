// /docs: what is copied as code is right, and runs.
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { built } from "./client.mjs";
import { button, opened } from "./docs.mjs";
import { assertNoFaults, ground } from "./ground.mjs";

const ROOT = fileURLToPath(new URL("../../", import.meta.url));
const LANGUAGES = ["TypeScript", "Python", "GDScript", "curl", "Frame"];
const run = promisify(execFile);
const here = ground();

const shownCode = (page) => page.getByRole("region", { name: / code$/ }).innerText();

async function copied(page, language) {
  await button(page, language).click();
  const code = page.getByRole("region", { name: "Code", exact: true });
  await code.getByRole("button", { name: /^Cop/ }).click();
  await code.getByRole("button", { name: "Copied" }).waitFor();
  assert.equal(
    await page.evaluate(() => navigator.clipboard.readText()),
    (await shownCode(page)).replaceAll("\u00a0", " "),
  );
  return page.evaluate(() => navigator.clipboard.readText());
}

test("a call can be copied as code, in each language", async (t) => {
  const page = await opened(here, t, "user.list");
  await button(page, "Empty").click();
  await page.getByLabel("limit").fill("3");
  const code = {};
  for (const language of LANGUAGES) code[language] = await copied(page, language);
  const { port } = new URL(here.server.url);
  assert.equal(
    code.TypeScript,
    `import { Connection } from "@victoryvault/client";

const connection = new Connection("ws://127.0.0.1:${port}/rpc");
await connection.call("session.create", {
  email: "demo@example.org",
  password: "demo-password",
});
const result = await connection.call("user.list", { limit: 3 });
console.log(result);
connection.close();`,
  );
  assert.deepEqual(JSON.parse(code.Frame), { jsonrpc: "2.0", method: "user.list", params: { limit: 3 }, id: 1 });
  assert.match(code.Python, /await connection\.call\("user\.list", \{"limit": 3\}\)/);
  assert.match(code.GDScript, /await connection\.make_call\("user\.list", \{"limit": 3\}\)\.done/);
  assert.match(code.curl, new RegExp(`^TOKEN=\\$\\(curl -s http://127\\.0\\.0\\.1:${port}/rpc`));
  assertNoFaults(page);
});

/** A folder in which `@victoryvault/client` is installed. */
async function withClient(t) {
  const folder = mkdtempSync(join(tmpdir(), "victoryvault-sample-"));
  t.after(() => rmSync(folder, { recursive: true }));
  const client = join(folder, "node_modules/@victoryvault/client");
  mkdirSync(client, { recursive: true });
  writeFileSync(
    join(client, "package.json"),
    '{"name": "@victoryvault/client", "type": "module", "exports": "./index.js"}',
  );
  writeFileSync(join(client, "index.js"), await built());
  return folder;
}

test("what was copied runs as it is: TypeScript, Python, curl", async (t) => {
  const page = await opened(here, t, "user.list");
  await page.getByLabel("where").fill('{"full_name": "Grace Hopper", "not": {"status": "it\'s \\"quoted\\""}}');
  await page.getByLabel("limit").fill("1");
  const folder = await withClient(t);
  const typescript = join(folder, "sample.mjs");
  writeFileSync(typescript, await copied(page, "TypeScript"));
  const ran = await run(process.execPath, ["--experimental-websocket", "--no-warnings", typescript]);
  assert.match(ran.stdout, /full_name: 'Grace Hopper'/);

  const curl = await run("bash", ["-c", await copied(page, "curl")]);
  assert.equal(JSON.parse(curl.stdout).result.users[0].full_name, "Grace Hopper");

  const python = join(folder, "sample.py");
  writeFileSync(python, await copied(page, "Python"));
  const said = await run(join(ROOT, ".venv/bin/python"), [python], {
    env: { ...process.env, PYTHONPATH: join(ROOT, "clients/python/src") },
  });
  assert.match(said.stdout, /'full_name': 'Grace Hopper'/);
});

test("a subscription that was copied runs as it is", async (t) => {
  const page = await opened(here, t, "user.subscribe");
  await page.getByLabel("where").fill('{"full_name": "Grace Hopper"}');
  const folder = await withClient(t);
  const file = join(folder, "sample.mjs");
  const code = await copied(page, "TypeScript");
  assert.match(code, /connection\.subscribe\("user", \{/);
  writeFileSync(file, `${code.replace(/^for await.*$/m, "")}\nconnection.close();`);
  const ran = await run(process.execPath, ["--experimental-websocket", "--no-warnings", file]);
  assert.match(ran.stdout, /full_name: 'Grace Hopper'/);
  assert.match(await copied(page, "curl"), /^# It needs a WebSocket/);
});
