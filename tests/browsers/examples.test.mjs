// The example of clients/typescript that is a page: only where the server and the client are, is told to it.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { assertNoFaults, ground } from "./ground.mjs";
import { connect } from "./peer.mjs";

const PAGE = readFileSync(new URL("../../clients/typescript/examples/presence.html", import.meta.url), "utf8");
const NAME = "Someone Else";
const SOMEONE = { email: "else@example.org", password: "a long password" };
const here = ground();

test("the presence list shows who comes online and who goes", async (t) => {
  const told = { "ws://127.0.0.1:8080": here.server.url.replace("http", "ws"), "../dist/index.js": "/client.js" };
  const html = Object.entries(told).reduce((text, [before, after]) => {
    assert.ok(text.includes(before), before);
    return text.replace(before, after);
  }, PAGE);
  const page = await here.open(t, "/health", { // which has no scripts of its own
    prepare: (context) => context.route("**/favicon.ico", (route) => route.fulfill({ status: 204 })),
  });
  await page.evaluate((text) => {
    document.open();
    document.write(text);
    document.close();
  }, html);
  await page.locator("li.here").waitFor(); // oneself
  const peer = await connect(t, here.server.url);
  await peer.call("user.create", { ...SOMEONE, full_name: NAME });
  await peer.call("session.create", SOMEONE);
  await page.locator("li.here", { hasText: NAME }).waitFor();
  const { sessions } = await peer.call("session.list", {});
  await peer.call("session.delete", { id: sessions[0].id });
  await page.locator("li:not(.here)", { hasText: NAME }).waitFor();
  assertNoFaults(page);
});
