import assert from "node:assert/strict";
import { test } from "node:test";
import { assertAccessible, assertFits, assertNoFaults, ground, NARROW, screenshot, WIDE } from "./ground.mjs";
import { connect } from "./peer.mjs";

const here = ground();

/** The page with both screens live. */
async function open(t, options) {
  const page = await here.open(t, "/", options);
  const screens = ["Screen A", "Screen B"].map((name) => page.getByRole("region", { name }));
  for (const screen of screens) await is(screen, "live");
  return { page, screens };
}

const is = (screen, state) => screen.locator(`.pill:text-is("${state}")`).waitFor();
const proof = (screen, said) => screen.getByText(said, { exact: true }).waitFor();
const press = (within, name) => within.getByRole("button", { name, exact: true }).click();
const scores = (screen) =>
  screen.locator(".mosaic button").evaluateAll((tiles) => tiles.map(({ dataset, textContent }) => [dataset.id, Number(textContent)]));

/** Every tile shows what the database has, as somebody else's socket lists it. */
async function assertNothingLost(t, screens) {
  const { call } = await connect(t, here.server.url);
  const { users } = await call("user.list", { where: { "profile.score": { gte: 0 } }, limit: 500 });
  const listed = users.map(({ id, profile }) => [id, profile.score]).sort();
  assert.equal(listed.length, 100);
  for (const screen of screens) assert.deepEqual((await scores(screen)).sort(), listed);
}

test("what is changed on one screen is seen on the other", async (t) => {
  const { page, screens } = await open(t);
  const [first, second] = screens;
  await first.locator(".mosaic button").nth(42).click();
  await first.getByRole("slider").fill("777");
  await second.locator('.mosaic button:nth-child(43):text-is("777")').waitFor();
  await assertNothingLost(t, screens);
  assertNoFaults(page);
});

test("a second window follows the first", async (t) => {
  const { page, screens } = await open(t);
  const [window] = await Promise.all([page.waitForEvent("popup"), page.getByRole("link", { name: "Second window" }).click()]);
  await window.locator(".pill:text-is('live')").nth(1).waitFor();
  await screens[1].locator(".mosaic button").nth(7).click();
  await screens[1].getByRole("slider").fill("7");
  for (const index of [0, 1]) await window.locator(".mosaic").nth(index).locator('button:nth-child(8):text-is("7")').waitFor();
  assertNoFaults(page);
});

test("a screen whose cable was cut gets the hundred changes that it missed", async (t) => {
  const { page, screens } = await open(t);
  const [first, second] = screens;
  await press(first, "Cut the cable");
  await is(first, "cable cut");
  const before = await scores(first);
  await press(page, "Change 100 rows by SQL");
  await proof(second, "Live: 100 changes, 0 lost");
  await proof(first, "100 rows have changed meanwhile. Plug it in again.");
  assert.deepEqual(await scores(first), before);
  await press(first, "Plug it in");
  await proof(first, "Resumed: 100 changes, 0 lost");
  await proof(first, "100 rows compared with a fresh list");
  await assertNothingLost(t, screens);
  assertNoFaults(page);
});

test("a screen that froze gets the newest of what it did not read", async (t) => {
  const { page, screens } = await open(t);
  const [first, second] = screens;
  await press(second, "Freeze");
  await is(second, "frozen");
  const before = await scores(second);
  await press(page, "Change 100 rows by SQL");
  await proof(first, "Live: 100 changes, 0 lost");
  assert.deepEqual(await scores(second), before);
  await press(second, "Thaw");
  await proof(second, "Thawed: 100 changes, 0 lost");
  await assertNothingLost(t, screens);
  assertNoFaults(page);
});

test("a row that changes while a screen is away, and again, is one change", async (t) => {
  const { page, screens } = await open(t);
  const [first] = screens;
  await press(first, "Cut the cable");
  for (const _ of ["once", "again"]) {
    const committed = page.waitForResponse("**/dev/scores");
    await press(page, "Change 100 rows by SQL");
    await committed;
    await page.locator("#change:not([aria-busy])").waitFor();
  }
  await press(first, "Plug it in");
  await proof(first, "Resumed: 100 changes, 0 lost");
  await assertNothingLost(t, screens);
});

test("both screens outlive the worker, and have what changed while there was none", async (t) => {
  const { page, screens } = await open(t);
  const [reply] = await Promise.all([page.waitForResponse("**/dev/restart"), press(page, "Restart the worker")]);
  const { worker } = await reply.json();
  for (const screen of screens) await proof(screen, "Resumed: 100 changes, 0 lost");
  assert.throws(() => process.kill(worker, 0), { code: "ESRCH" });
  await assertNothingLost(t, screens);
  assertNoFaults(page);
});

test("one button shows it all", async (t) => {
  const { page, screens } = await open(t);
  await press(page, "Show me");
  await page.getByText("Screen A got what it had missed, and nothing else: 100 changes, 0 lost.").waitFor();
  await assertNothingLost(t, screens);
  assertNoFaults(page);
  await screenshot(page, "demo-shown");
});

test("a change that is lost on the way is counted as lost", async (t) => {
  const steal = (line) =>
    line.connectToServer().onMessage((text) => {
      const message = JSON.parse(text);
      message.params?.changes?.pop();
      line.send(JSON.stringify(message));
    });
  const { page, screens } = await open(t, { prepare: (context) => context.routeWebSocket("**/rpc", steal) });
  await press(page, "Change 100 rows by SQL");
  for (const screen of screens) await proof(screen, "Live: 99 changes, 1 lost");
});

test("the keyboard is enough", async (t) => {
  const { page, screens } = await open(t);
  const [first, second] = screens;
  await tabTo(page, "Change 100 rows by SQL");
  await page.keyboard.press("Enter");
  for (const screen of screens) await proof(screen, "Live: 100 changes, 0 lost");
  await tabTo(page, "Cut the cable");
  await page.keyboard.press("Space");
  await is(first, "cable cut");
  await page.keyboard.press("Space");
  await proof(first, "Resumed: 0 changes, 0 lost");
  await page.keyboard.press("Tab"); // Freeze
  await page.keyboard.press("Tab"); // the mosaic
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowRight");
  assert.equal(await first.locator(".mosaic button").nth(11).getAttribute("aria-pressed"), "true");
  await page.keyboard.press("Tab"); // the slider
  await page.keyboard.press("End");
  await second.locator('.mosaic button:nth-child(12):text-is("999")').waitFor();
  await tabTo(page, "typescript");
  await page.keyboard.press("ArrowRight");
  assert.match(await page.locator("#sample").textContent(), /await connection\.call\("user\.update", \{"id": id/);
  assertNoFaults(page);
});

/** Presses Tab until a button of this name, or a choice of this value, has the focus; it shows that it has. */
async function tabTo(page, name) {
  for (let pressed = 0; pressed < 40; pressed++) {
    await page.keyboard.press("Tab");
    const focused = await page.evaluate(() => {
      const { activeElement } = document;
      const { outlineStyle } = getComputedStyle(activeElement.type === "radio" ? activeElement.parentElement : activeElement);
      return { name: activeElement.value || activeElement.textContent, outlineStyle };
    });
    assert.equal(focused.outlineStyle, "solid", `${focused.name} shows no focus`);
    if (focused.name === name) return;
  }
  assert.fail(`Tab does not lead to ${name}`);
}

test("frames are shown as they went, and no token among them", async (t) => {
  const { page, screens } = await open(t);
  const frames = screens[0].locator(".frames li");
  await frames.filter({ hasText: '"method":"user.subscribe"' }).first().waitFor();
  for (let index = 0; index < 20; index++) {
    await screens[0].getByRole("slider").fill(`${index}`);
    await screens[1].locator(`.mosaic button:nth-child(1):text-is("${index}")`).waitFor();
  }
  assert.ok((await frames.count()) <= 50);
  await frames.first().locator("summary").click();
  await frames.first().locator("code").waitFor();
  const token = await page.evaluate(() => sessionStorage.getItem("victoryvault.demo.Screen A"));
  assert.ok(token);
  assert.ok(!(await page.content()).includes(token));
});

test("code is there to copy, for each button and each language", async (t) => {
  const { page } = await open(t);
  const seen = new Set();
  for (const action of await page.locator("#samples label").all()) {
    for (const language of await page.locator("#languages label").all()) {
      await action.click();
      await language.click();
      seen.add(await page.locator("#sample").textContent());
    }
  }
  assert.equal(seen.size, 24);
  await page.context().grantPermissions(["clipboard-read", "clipboard-write"]);
  await press(page, "Copy");
  await page.getByRole("button", { name: "Copied" }).waitFor();
  assert.ok(seen.has(await page.evaluate(() => navigator.clipboard.readText())));
});

for (const scheme of ["light", "dark"]) {
  for (const [name, size] of Object.entries({ wide: WIDE, narrow: NARROW })) {
    test(`it fits and is accessible: ${scheme}, ${name}`, async (t) => {
      const { page, screens } = await open(t, { size, scheme, reducedMotion: "reduce" });
      await screenshot(page, `demo-${name}-${scheme}-first`);
      await press(screens[0], "Cut the cable");
      await press(screens[1], "Freeze");
      await press(page, "Change 100 rows by SQL");
      await proof(screens[0], "100 rows have changed meanwhile. Plug it in again.");
      await assertFits(page);
      await assertAccessible(page);
      await screenshot(page, `demo-${name}-${scheme}-away`, { fullPage: true });
      await press(screens[0], "Plug it in");
      await press(screens[1], "Thaw");
      await proof(screens[0], "Resumed: 100 changes, 0 lost");
      await proof(screens[1], "Thawed: 100 changes, 0 lost");
      await assertAccessible(page);
      await screenshot(page, `demo-${name}-${scheme}-back`, { fullPage: true });
      assertNoFaults(page);
    });
  }
}

test("the button chooses dark or light, and the choice stays", async (t) => {
  const { page } = await open(t, { scheme: "light" });
  await press(page, "Dark");
  await page.reload();
  assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), "dark");
  await press(page, "Dark");
  assert.equal(await page.evaluate(() => getComputedStyle(document.documentElement).colorScheme), "light");
});
