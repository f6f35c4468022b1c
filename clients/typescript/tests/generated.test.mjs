import assert from "node:assert/strict";
import { execSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { test } from "node:test";

test("generated.ts is what the server's document says", () => {
  const made = execSync(".venv/bin/victoryvault client typescript", {
    cwd: new URL("../../../", import.meta.url),
    encoding: "utf8",
  });
  assert.equal(readFileSync(new URL("../src/generated.ts", import.meta.url), "utf8"), made);
});
