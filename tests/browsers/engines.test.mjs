import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Proxy } from "../../clients/typescript/tests/proxy.mjs";
import { ENGINES, lacks } from "./engines.mjs";
import { breakAll, breakFor, NEVER } from "./faults.mjs";
import { connect } from "./peer.mjs";
import { byId, Record } from "./record.mjs";
import { createDatabase, startServer } from "./server.mjs";
import { Stage } from "./stage.mjs";

const ALL_MS = 120_000;
const PAGE_MS = 10_000;
const WHERE = { "profile.score": { gte: 0 } };
const HOT = 20;

const here = {};
let databases = 0;

describe("a page", { timeout: ALL_MS }, () => {
  before(async () => {
    here.stage = await new Stage().start();
    here.environment = { VICTORYVAULT_ALLOWED_ORIGINS: here.stage.origin, VICTORYVAULT_MAX_CALLS_PER_SECOND: "0" };
    here.server = await startServer({ environment: here.environment });
    here.stage.client = await (await fetch(`${here.server.url}/client.js`)).text();
  });
  after(async () => {
    await here.server?.stop();
    here.stage?.stop();
  });
  for (const [name, engine] of Object.entries(ENGINES)) {
    const lack = lacks(engine);
    if (lack && process.env.SKIP_NOTHING) test(`in ${name}`, () => assert.fail(lack));
    else describe(`in ${name}`, { skip: lack }, () => tests(engine));
  }
});

function tests(engine) {
  let browser;
  let users = 0;
  before(async () => (browser = await engine.start()));
  after(() => browser?.stop());

  /** A line to the server, which ends with the test. */
  async function proxied(t, { url } = here.server) {
    const line = await Proxy.to(url);
    t.after(() => line.close());
    return line;
  }

  const open = (t, line, user) => here.stage.open(t, browser, { line, user });

  /** A tab of a new user, who is signed in, and the session. */
  async function signedUp(t, line) {
    const name = `${process.pid}-${Date.now()}-${++users}`;
    const tab = await open(t, line, name);
    const account = { email: `${name}@example.org`, full_name: "Page", password: "a long password" };
    const { session } = await tab.call("user.create", account);
    return { tab, name, session };
  }

  /** The session of a tab is still the one of before. */
  async function assertSame(session, tab) {
    const { sessions } = await tab.call("session.list");
    assert.deepEqual(sessions.filter(({ current }) => current).map(({ id }) => id), [session.id]);
  }

  test("no change is lost and none is told twice, whatever happens to the line", async (t) => {
    const line = await proxied(t);
    const { tab, session } = await signedUp(t, line);
    const writers = [await connect(t, here.server.url), await connect(t, here.server.url)];
    const record = new Record();
    const list = async () => (await writers[0].call("user.list", { where: WHERE, limit: 500 })).users;
    const rows = await list();
    for (const row of rows) record.add(row);
    await tab.do("subscribe", { where: WHERE });

    let written = 0;
    let isOver = false;
    async function write({ call }) {
      while (!isOver) record.add((await call("user.update", update(rows, written++))).user);
    }
    const writing = writers.map(write);
    const { faults, late } = await breakAll(line, tab);
    isOver = true;
    await Promise.all(writing);
    await writers[0].call("user.delete", { id: rows.at(-1).id });

    const copy = await tab.do("sync");
    assert.deepEqual(byId(copy), byId(await list()));
    record.check(tab.changes);
    assert.equal(tab.changes.filter(({ op }) => op === "reset").length, 1, "it resumes, it does not start anew");
    const { user } = await tab.call("user.get", { id: session.user });
    assert.equal(user.version, 1 + faults, "what the page wrote was written once");
    await assertSame(session, tab);
    assert.ok(late > 0, "a line that was given up spoke while another was open");
    t.diagnostic(`${written} written, ${faults} faults, ${tab.changes.length} changes told, 0 lost, 0 twice, ${copy.length} rows`);
  });

  test("it comes back at once when somebody looks at the page again", async (t) => {
    const line = await proxied(t);
    const { tab, session } = await signedUp(t, line);
    await breakFor(line, tab);
    await tab.page.hide();
    line.up();
    const back = tab.passes("connecting", "open");
    await tab.page.show();
    await back;
    await assertSame(session, tab);
  });

  test("it comes back at once when the network does", async (t) => {
    const line = await proxied(t);
    const { tab, session } = await signedUp(t, line);
    await breakFor(line, tab);
    await tab.page.offline();
    line.up();
    const back = tab.passes("connecting", "open");
    await tab.page.online();
    await back;
    await assertSame(session, tab);
  });

  test("it comes back when a server that ends has said", async (t) => {
    const own = { DATABASE_URL: createDatabase(here.server.data, `ending ${++databases}`), VICTORYVAULT_DRAIN_SECONDS: "2" };
    const server = await startServer({ environment: { ...here.environment, ...own } });
    t.after(() => server.stop());
    const { tab } = await signedUp(t, await proxied(t, server));
    await tab.do("chance", NEVER);
    const tries = tab.passes("waiting", "connecting");
    await server.stop();
    await tries;
  });

  test("a page that is loaded again is signed in, and is told only what has changed", async (t) => {
    const { call } = await connect(t, here.server.url);
    const { tab, session } = await signedUp(t, await proxied(t));
    const before = await tab.do("subscribe", { where: WHERE });
    await tab.do("store");
    const { user } = await call("user.update", { id: before[0].id, set: { status: `${Date.now()}` } });
    await tab.reload();
    const rows = await tab.do("subscribe", { where: WHERE });
    assert.deepEqual(byId(rows), { ...byId(before), ...byId([user]) });
    assert.deepEqual(tab.changes.map(({ op, id, version }) => [op, id, version]), [["change", user.id, user.version]]);
    await assertSame(session, tab);
  });

  test("the server's own page is live, under its own policy", async (t) => {
    const page = await browser.open(here.server.url);
    t.after(() => page.close());
    assert.deepEqual(await page.run(`(${pills})(${PAGE_MS})`), ["live", "live"]);
  });

  test("two tabs share a session, also when one of them renews it", async (t) => {
    const { call } = await connect(t, here.server.url);
    const lines = [await proxied(t), await proxied(t)];
    const { tab: first, name, session } = await signedUp(t, lines[0]);
    const second = await open(t, lines[1], name);
    const tabs = [first, second];
    for (const tab of tabs) await tab.do("subscribe", { where: WHERE });
    await first.call("session.renew"); // with which the token that the second has ends
    const back = tabs.map((tab) => tab.passes("waiting", "open"));
    for (const line of lines) line.cut();
    const { users } = await call("user.list", { where: WHERE, limit: 1 });
    const { user } = await call("user.update", { id: users[0].id, set: { status: `${Date.now()}` } });
    await Promise.all(back);
    assert.deepEqual(tabs.map(({ asked }) => asked), [1, 2], "it was refused, and had the new one from the other");
    for (const tab of tabs) {
      await assertSame(session, tab);
      const rows = await tab.do("sync");
      assert.equal(rows.find(({ id }) => id === user.id).version, user.version);
    }
  });
}

/** Runs in the demo: what its two screens say, once they say "live", or when the time is up. */
function pills(ms) {
  const said = () => [...document.querySelectorAll(".pill")].map(({ textContent }) => textContent);
  const areLive = () => said().filter((each) => each === "live").length === 2;
  return new Promise((resolve) => {
    const look = () => areLive() && resolve(said());
    new MutationObserver(look).observe(document, { subtree: true, childList: true, characterData: true });
    look();
    setTimeout(() => resolve(said()), ms);
  });
}

/** Rows change, leave and enter, a few of them often. */
function update(rows, index) {
  const set = [{ status: `at ${index}` }, { profile: { score: -1 } }, { profile: { score: index } }, { full_name: `Number ${index}` }];
  return { id: rows[index % HOT].id, set: set[(index + Math.floor(index / HOT)) % set.length] };
}
