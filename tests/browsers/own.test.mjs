import assert from "node:assert/strict";
import { test } from "node:test";
import { assertAccessible, assertFits, assertNoFaults, ground, NARROW, screenshot } from "./ground.mjs";
import { createDatabase, startServer } from "./server.mjs";

const own = {};
const here = ground(async ({ server, others }) => {
  const environment = { DATABASE_URL: createDatabase(server.data, "own") };
  others.push((own.dev = await startServer({ environment })));
  others.push((own.serve = await startServer({ command: "serve", environment })));
});

const live = (page, index) => page.locator(".pill").nth(index).and(page.getByText("live", { exact: true })).waitFor();

test("on a database of one's own the demo says what to do, and signs up", async (t) => {
  const page = await here.open(t, "/", { server: own.dev });
  await page.getByRole("heading", { name: "This database is your own" }).waitFor();
  await assertAccessible(page);
  await screenshot(page, "own-wide-light");
  await page.getByLabel("Name").fill("Ada");
  await page.getByLabel("Email").fill("ada@example.org");
  await page.getByLabel("Password").fill("a long password");
  await page.getByRole("button", { name: "Sign in" }).click();
  for (const index of [0, 1]) await live(page, index);
  await page.getByRole("region", { name: "Screen A" }).getByRole("slider").fill("42");
  await page.getByRole("region", { name: "Screen B" }).getByRole("button", { name: "Ada, 42" }).waitFor();
  await page.reload();
  for (const index of [0, 1]) await live(page, index);
  assertNoFaults(page);
});

test("a wrong password is said on the form", async (t) => {
  const page = await here.open(t, "/", { server: own.dev });
  await page.getByLabel("Name").fill("Ada");
  await page.getByLabel("Email").fill("ada@example.org");
  await page.getByLabel("Password").fill("another password");
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("alert").filter({ hasText: "password" }).waitFor();
});

test("nobody's own rows are changed by a button", async () => {
  const reply = await fetch(`${own.dev.url}/dev/scores`, { method: "POST" });
  assert.equal(reply.status, 404);
});

test("without dev the first page names the doors, and has none of dev's", async (t) => {
  const page = await here.open(t, "/", { server: own.serve });
  await page.getByRole("heading", { name: "This server is running." }).waitFor();
  assert.equal(await page.getByRole("link", { name: "/docs" }).getAttribute("href"), "/docs");
  await assertAccessible(page);
  await screenshot(page, "home-wide-light");
  await page.setViewportSize(NARROW);
  await page.emulateMedia({ colorScheme: "dark" });
  await assertFits(page);
  await assertAccessible(page);
  await screenshot(page, "home-narrow-dark");
  assertNoFaults(page);
  for (const path of ["/dev/account", "/dev/restart", "/dev/scores"]) {
    assert.equal((await fetch(own.serve.url + path, { method: "POST" })).status, 404);
  }
});
