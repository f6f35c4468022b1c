import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { built, SERVED } from "./client.mjs";

test("the client that is served is the one of clients/typescript", async () => {
  assert.ok(readFileSync(SERVED, "utf8") === (await built()), "it is an older one: `npm run client` here builds it");
});
