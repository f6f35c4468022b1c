// What every test here stands on: a real server, a real browser, and an eye on what pages must not do.
import assert from "node:assert/strict";
import { mkdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, before } from "node:test";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";
import { startServer } from "./server.mjs";

export const EXECUTABLE = process.env.CHROMIUM ?? "/usr/bin/chromium";
export const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const AXE = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const SCREENSHOTS = fileURLToPath(new URL("screenshots/", import.meta.url));
const PATIENCE_MS = 10_000;

export const DEMO = { email: "demo@example.org", password: "demo-password" };
export const WIDE = { width: 1280, height: 860 };
export const NARROW = { width: 375, height: 812 };

/** A server and a browser for this test file; they end with it, as does what `more` adds to `others`.
 *  Call it at the top of the file. */
export function ground(more = () => {}) {
  const here = {
    others: [],
    /** A page at `path`, in a context of its own that ends with the test `t`; its `faults` are noted.
     *  `prepare` is given the context first. */
    async open(t, path, { server = here.server, size = WIDE, scheme = "light", prepare = () => {}, ...more } = {}) {
      const context = await here.browser.newContext({ viewport: size, colorScheme: scheme, ...more });
      context.setDefaultTimeout(PATIENCE_MS);
      t.after(() => context.close());
      await prepare(context);
      const page = await context.newPage();
      const faults = watch(page, server.url);
      await page.goto(server.url + path);
      return Object.assign(page, { faults });
    },
  };
  before(async () => {
    [here.server, here.browser] = await Promise.all([
      startServer(),
      chromium.launch({ executablePath: EXECUTABLE, args: FLAGS }),
    ]);
    await more(here);
  });
  after(async () => {
    await here.browser?.close();
    await Promise.all(here.others.map((server) => server.stop()));
    await here.server?.stop();
  });
  return here;
}

/** Errors on the console, exceptions, what the policy refused, and requests to any other host. */
function watch(page, url) {
  const faults = [];
  const { host } = new URL(url);
  const asked = (address) => {
    const { host: other, protocol } = new URL(address);
    if (other !== host && protocol !== "data:" && protocol !== "blob:") faults.push(`asked ${address}`);
  };
  page.on("console", (said) => said.type() === "error" && faults.push(`console: ${said.text()}`));
  page.on("pageerror", (error) => faults.push(`error: ${error.stack}`));
  page.on("request", (request) => asked(request.url()));
  page.on("websocket", (socket) => asked(socket.url()));
  return faults;
}

export const assertNoFaults = (page) => assert.deepEqual(page.faults, []);

/** No sideways scrolling. */
export async function assertFits(page) {
  const [needed, has] = await page.evaluate(() => {
    const root = document.documentElement;
    return [root.scrollWidth, root.clientWidth];
  });
  assert.ok(needed <= has, `the page needs ${needed} px of ${has}`);
}

/** What axe-core finds serious or critical, contrast among it. */
export async function assertAccessible(page) {
  await page.evaluate(AXE);
  const { violations } = await page.evaluate(() => globalThis.axe.run());
  const grave = violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(({ id, nodes }) => `${id}: ${nodes.map(({ target, failureSummary }) => `${target} ${failureSummary}`).join("; ")}`);
  assert.deepEqual(grave, []);
}

/** For people to look at; the folder is not committed. */
export async function screenshot(page, name, options = {}) {
  mkdirSync(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: `${SCREENSHOTS}${name}.png`, animations: "disabled", ...options });
}
