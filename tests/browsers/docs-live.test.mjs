// /docs: subscriptions, notifications and frames, while somebody else writes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { button, heading, opened, reply, signIn, someone } from "./docs.mjs";
import { assertNoFaults, DEMO, ground } from "./ground.mjs";
import { connect } from "./peer.mjs";

const here = ground();

test("a live subscription shows what enters, changes and leaves, while another socket writes", async (t) => {
  const page = await opened(here, t, "user.subscribe");
  const { call } = await connect(t, here.server.url);
  const rows = page.getByRole("region", { name: "Rows" });
  const row = (name) => rows.getByRole("row", { name });
  await page.getByLabel("where").fill('{"full_name": {"prefix": "Live "}}');
  await button(page, "Subscribe").click();
  await page.getByText("No row matches now.").waitFor();

  const { user } = await call("user.create", someone("Live Ada"));
  await row("Live Ada").waitFor();
  assert.equal(await row("Live Ada").getAttribute("data-mark"), "enter");
  await call("user.update", { id: user.id, set: { status: "playing" } });
  await rows.locator('td[data-mark="change"]', { hasText: "playing" }).waitFor();
  await page.locator(".changes").getByText('status: "playing"').waitFor();
  await call("user.update", { id: user.id, set: { full_name: "Ada" } });
  await rows.locator('tr[data-leaving="filter"]').waitFor();
  await page.getByText("0 rows · 1 entered · 1 changed · 1 left").waitFor();
  assertNoFaults(page);
});

test("a subscription that was closed goes on from its position with only what changed", async (t) => {
  const page = await opened(here, t, "user.subscribe");
  const { call } = await connect(t, here.server.url);
  const { user } = await call("user.create", someone("Again Ada"));
  await call("user.create", someone("Again Grace"));
  await page.getByLabel("where").fill('{"full_name": {"prefix": "Again "}}');
  await button(page, "Subscribe").click();
  await page.getByText("2 rows · 0 entered").waitFor();
  await page.locator(".live").getByRole("button", { name: "Close" }).click();
  await page.locator(".live").getByText("closed", { exact: true }).waitFor();
  await call("user.update", { id: user.id, set: { status: "back" } });
  await button(page, "Resume from here").click();
  await page.getByText("2 rows · 0 entered · 1 changed · 0 left").waitFor();
  await page.getByRole("region", { name: "Rows" }).getByText("back").waitFor();
  assertNoFaults(page);
});

test("a live subscription outlives a restart of the server", async (t) => {
  const page = await opened(here, t, "user.subscribe");
  await page.getByLabel("where").fill('{"full_name": {"prefix": "Restart "}}');
  await button(page, "Subscribe").click();
  await page.getByText("No row matches now.").waitFor();
  await page.evaluate(() => {
    const pill = document.querySelector(".top .pill");
    globalThis.states = [];
    new MutationObserver(() => states.push(pill.textContent)).observe(pill, { childList: true });
    return fetch("/dev/restart", { method: "POST" });
  });
  await page.waitForFunction(() => states.includes("reconnecting") && states.at(-1) === "connected");
  const { call } = await connect(t, here.server.url);
  await call("user.create", someone("Restart Ada"));
  await page.getByText("1 row · 1 entered").waitFor();
});

test("rows move to where they belong, and a row says why it is there", async (t) => {
  const page = await opened(here, t, "user.subscribe");
  const { call } = await connect(t, here.server.url);
  const { user } = await call("user.create", someone("Order A"));
  await call("user.create", someone("Order B"));
  await page.getByLabel("where").fill('{"full_name": {"prefix": "Order "}}');
  await button(page, "Subscribe").click();
  await page.getByText("2 rows · ").waitFor();
  const rows = page.getByRole("region", { name: "Rows" });
  const names = () => page.locator('td[data-field="full_name"]').allInnerTexts();
  await rows.getByRole("button", { name: "full_name" }).click();
  assert.deepEqual(await names(), ["Order A", "Order B"]);
  await call("user.update", { id: user.id, set: { full_name: "Order C" } });
  await page.getByText("2 rows · 0 entered · 1 changed").waitFor();
  assert.deepEqual(await names(), ["Order B", "Order C"]);
  await page.locator(`tr[data-id="${user.id}"] button`).click();
  await page.locator(".looked").getByText("held").waitFor();
  assertNoFaults(page);
});

test("a wrong `where` is no subscription, and is marked", async (t) => {
  const page = await opened(here, t, "user.subscribe");
  await page.getByLabel("where").fill('{"fullname": "Ada"}');
  await button(page, "Subscribe").click();
  await reply(page).getByText("invalid_params").waitFor();
  assert.equal(await page.locator(".live").isVisible(), false);
  assert.equal(await page.getByLabel("where").getAttribute("aria-invalid"), "true");
});

test("notifications are explained, and heard, whoever signs in", async (t) => {
  const page = await opened(here, t, "user.subscribe");
  await button(page, "Sign out").click();
  await signIn(page);
  const { call } = await connect(t, here.server.url);
  await page.getByLabel("where").fill('{"full_name": {"prefix": "Heard "}}');
  await button(page, "Subscribe").click();
  await page.getByText("No row matches now.").waitFor();
  await page.getByRole("link", { name: "user.changed" }).click();
  await heading(page, "user.changed");
  await page.getByText("none yet").waitFor();
  const { position } = await call("user.create", someone("Heard Ada"));
  await page.getByText("1 since the page was loaded").waitFor();
  assert.ok(position);
  await page.locator(".heard").getByText("position").waitFor();
  assertNoFaults(page);
});

test("every frame is shown, without passwords and tokens", async (t) => {
  const page = await opened(here, t, "rpc.ping");
  await button(page, "Call").click();
  await reply(page).getByText("ok", { exact: true }).waitFor();
  await page.getByText("Frames").click();
  const frames = page.getByRole("list", { name: /^Frames/ });
  await frames.getByText('"rpc.ping"').waitFor();
  const text = await frames.innerText();
  assert.match(text, /session\.create/);
  assert.ok(!text.includes(DEMO.password));
  assert.match(text, /"token":"•••"/);
});
