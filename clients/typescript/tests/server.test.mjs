// Against the real server, through a line that breaks.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomInt, randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { CallError } from "@victoryvault/client";
import { byId, connect, DEMO, makeUsers, reaches, signedIn, until, URL } from "./common.mjs";
import { Proxy } from "./proxy.mjs";

const COUNT = 12;
const CHANGES = 300;
const CUTS = 10;
const tagOf = () => `T${randomUUID().slice(0, 8)}`;

async function proxied(t) {
  const proxy = await Proxy.to(URL);
  t.after(() => proxy.close());
  return proxy;
}

test("the first lines of the README work, with the WebSocket that Node has", async (t) => {
  const readme = readFileSync(new globalThis.URL("../README.md", import.meta.url), "utf8");
  const lines = readme.match(/```js\n([^]*?)```/)[1].replace("ws://127.0.0.1:8080/rpc", URL);
  const child = spawn(process.execPath, ["--experimental-websocket", "--input-type=module", "-e", lines]);
  t.after(() => child.kill());
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (said += data));
  await until(() => /Ada/.test(said), "rows");
  const admin = await signedIn(t);
  const { users } = await admin.call("user.list", { where: { full_name: { prefix: "Ada" } }, limit: 1 });
  const status = tagOf();
  await admin.call("user.update", { id: users[0].id, set: { status } });
  await until(() => said.includes(status), "a change");
});

test("a call is answered, and an error has its kind", async (t) => {
  const connection = connect(t);
  assert.equal(connection.state, "idle");
  assert.equal((await connection.call("system.info")).name, "VictoryVault");
  const failing = connection.call("user.get", { id: randomUUID() });
  await assert.rejects(failing, (error) => error instanceof CallError && error.kind === "unauthenticated");
  const wrong = await connection.call("session.create", { email: "none", password: "x" }).catch((error) => error);
  assert.deepEqual([wrong.code, wrong.kind, wrong.data.path], [-32602, "invalid_params", "email"]);
});

test("rows at the end are the server's, whatever happens to the line", async (t) => {
  t.mock.method(Math, "random", () => 0.02); // come back soon: the line breaks often here
  const tag = tagOf();
  const admin = await signedIn(t);
  const users = await makeUsers(admin, tag, COUNT);
  const where = { full_name: { prefix: tag } };
  const proxy = await proxied(t);
  const reader = await signedIn(t, proxy.url);
  const subscription = reader.subscribe("user", { where });
  await subscription.ready;

  const versions = new Map([...subscription.rows.values()].map((row) => [row.id, row.version]));
  const seen = { changes: 0, twice: 0, resets: 0 };
  subscription.onChange((changes) => {
    for (const { op, id, version, reason } of changes) {
      if (op === "reset") seen.resets++;
      else {
        seen.changes++;
        const before = versions.get(id) ?? 0;
        if (reason === "deleted" ? version < before : version <= before) seen.twice++;
        versions.set(id, version);
      }
    }
  });

  let written = 0;
  async function write() {
    while (written < CHANGES) {
      const { id } = users[randomInt(COUNT - 1)];
      const set = [
        { status: `at ${written}` },
        { full_name: `away ${written}` },
        { full_name: `${tag} ${written}` },
        { profile: { points: written } },
      ][randomInt(4)];
      await admin.call("user.update", { id, set });
      if (++written === CHANGES / 2) await admin.call("user.delete", { id: users[COUNT - 1].id });
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
  async function cut() {
    for (let index = 1; index <= CUTS; index++) {
      await until(() => written >= (index * CHANGES) / (CUTS + 2), "enough is written");
      const socketsLost = new Promise((resolve) => {
        const stop = reader.on("state", (state) => state === "waiting" && (stop(), resolve()));
      });
      proxy.cutAfter(randomInt(1, 2000));
      await socketsLost;
      await reaches(reader, "open");
    }
  }
  await Promise.all([write(), cut()]);
  await reader.call("subscription.sync");

  const fresh = await admin.call("user.list", { where, limit: 500 });
  assert.deepEqual(byId(subscription.rows.values()), byId(fresh.users));
  assert.equal(seen.twice, 0);
  assert.equal(seen.resets, 0, "it resumes, it does not start anew");
  t.diagnostic(`${written} written, ${CUTS} cuts, ${seen.changes} changes applied, 0 twice, ${subscription.rows.size} rows`);
});

test("a snapshot in parts is ready when it is whole, and starts anew when it is cut before", async (t) => {
  t.mock.method(Math, "random", () => 0.02);
  const tag = tagOf();
  const admin = await signedIn(t);
  await makeUsers(admin, tag, 7);
  const proxy = await proxied(t);
  const reader = await signedIn(t, proxy.url);
  proxy.cutAfter(1500); // of about 3000
  let cuts = 0;
  reader.on("state", (state) => state === "waiting" && cuts++);
  const subscription = reader.subscribe("user", { where: { full_name: { prefix: tag } }, limit: 2 });
  assert.equal(subscription.position, null);
  await subscription.ready;
  assert.equal(cuts, 1);
  assert.equal(subscription.rows.size, 7);
  assert.equal(typeof subscription.position, "string");
});

test("a stored copy is brought up to date by what has changed alone", async (t) => {
  const tag = tagOf();
  const admin = await signedIn(t);
  const [first] = await makeUsers(admin, tag, 3);
  const query = { where: { full_name: { prefix: tag } }, fields: ["full_name", "status"] };
  const earlier = admin.subscribe("user", query);
  await earlier.ready;
  const stored = JSON.parse(JSON.stringify({ position: earlier.position, rows: [...earlier.rows.values()] }));
  earlier.close();

  await admin.call("user.update", { id: first.id, set: { status: "new" } });
  const told = [];
  const later = admin.subscribe("user", query, stored);
  later.onChange((changes) => told.push(...changes));
  await later.ready;
  assert.deepEqual(told, [{ op: "change", id: first.id, version: 2, set: { status: "new" } }]);
  assert.deepEqual(later.rows.get(first.id), { id: first.id, version: 2, full_name: `${tag} 0`, status: "new" });
  assert.equal(later.rows.size, 3);

  const { position } = later;
  await makeUsers(admin, tagOf(), 1); // that the subscription is not about
  assert.equal(later.position, position);
  await admin.call("subscription.sync");
  assert.notEqual(later.position, position, "so that it does not grow old");
});

test("a position that is none starts anew", async (t) => {
  const connection = await signedIn(t);
  const subscription = connection.subscribe("user", {}, { position: "nonsense", rows: [{ id: "x", version: 1 }] });
  await subscription.ready;
  assert.ok(subscription.rows.size > 0 && !subscription.rows.has("x"));
});

test("who is slow gets one change for each row, the newest", async (t) => {
  const tag = tagOf();
  const admin = await signedIn(t);
  const [one, two] = await makeUsers(admin, tag, 2);
  const subscription = admin.subscribe("user", { where: { full_name: { prefix: tag } } });
  await subscription.ready;
  const changes = subscription[Symbol.asyncIterator]();
  const first = changes.next();
  for (let index = 0; index < 10; index++) {
    await admin.call("user.update", { id: one.id, set: { status: `${index}` } });
    await admin.call("user.update", { id: two.id, set: index % 2 ? { status: `${index}` } : { profile: { index } } });
  }
  assert.equal((await first).value.version, 2);
  const rest = [(await changes.next()).value, (await changes.next()).value];
  assert.deepEqual(rest.map(({ id, version }) => [id, version]).sort(), [[one.id, 11], [two.id, 11]].sort());
  assert.deepEqual(rest.find(({ id }) => id === two.id).set.profile, { index: 8 });
  assert.equal(subscription.rows.get(one.id).status, "9", "a call that has returned is in the rows");
  subscription.close();
  assert.equal((await changes.next()).done, true);
});

test("the same subscription is shared, and closed with its last user", async (t) => {
  const connection = await signedIn(t);
  const one = connection.subscribe("user", { where: { status: "a", full_name: "b" } });
  const two = connection.subscribe("user", { where: { full_name: "b", status: "a" } });
  assert.equal(one, two);
  await one.ready;
  one.close();
  assert.equal((await connection.call("subscription.list")).subscriptions.length, 1);
  two.close();
  assert.equal((await connection.call("subscription.list")).subscriptions.length, 0);
  const three = connection.subscribe("user");
  three.close(); // before its reply
  assert.equal(three, connection.subscribe("user"));
  await three.ready;
  assert.equal((await connection.call("subscription.list")).subscriptions.length, 1);
});

test("a subscription that nobody may have ends with the reason", async (t) => {
  const connection = await signedIn(t);
  const subscription = connection.subscribe("user", { where: { nonsense: 1 } });
  await assert.rejects(subscription.ready, { kind: "invalid_params" });
  await assert.rejects(subscription[Symbol.asyncIterator]().next(), { kind: "invalid_params" });

  const other = connection.subscribe("user");
  await other.ready;
  const next = other[Symbol.asyncIterator]().next();
  connection.close();
  assert.equal((await next).done, true, "closed by oneself is no error");
});

test("a subscription waits for a sign-in, and follows whoever signs in", async (t) => {
  const connection = connect(t);
  const subscription = connection.subscribe("user");
  await connection.call("rpc.ping");
  assert.equal(subscription.isLive, false);
  await connection.call("session.create", DEMO);
  await subscription.ready;
  assert.ok([...subscription.rows.values()].some((row) => row.email));

  const email = `${tagOf()}@example.org`.toLowerCase();
  const other = await connect(t).call("user.create", { email, full_name: "Other", password: "a long password" });
  await connection.call("session.resume", { token: other.token });
  await until(() => subscription.isLive, "live again");
  assert.ok(![...subscription.rows.values()].some((row) => row.email), "with the rights of the new one");
});

test("changed rights make a subscription anew", async (t) => {
  const admin = await signedIn(t);
  const other = connect(t);
  const email = `${tagOf()}@example.org`.toLowerCase();
  const { user } = await other.call("user.create", { email, full_name: "Riser", password: "a long password" });
  const subscription = other.subscribe("user", { where: { full_name: "Riser" } });
  await subscription.ready;
  const told = [];
  subscription.onChange((changes) => told.push(...changes.map(({ op }) => op)));
  await admin.call("user.update", { id: user.id, set: { role: "admin" } });
  await until(() => told.includes("reset"), "a reset");
  assert.equal(subscription.rows.get(user.id).role, "admin");
});

test("a write that is in doubt is repeated, and written once", async (t) => {
  const proxy = await proxied(t);
  const admin = await signedIn(t);
  const [user] = await makeUsers(admin, tagOf(), 1);
  const seen = admin.subscribe("user", { where: { id: user.id } });
  await seen.ready;
  const writer = await signedIn(t, proxy.url);
  proxy.stall(); // the reply will not come
  const write = writer.call("user.update", { id: user.id, set: { status: "once" } });
  await until(() => seen.rows.get(user.id).status === "once", "written");
  proxy.cut();
  const { user: after } = await write;
  assert.deepEqual([after.version, after.status], [2, "once"]);
  assert.equal((await admin.call("user.get", { id: user.id })).user.version, 2);
});

test("calls wait while the line is down, a hundred and no more", async (t) => {
  t.mock.method(Math, "random", () => 0.02);
  const proxy = await proxied(t);
  const connection = connect(t, proxy.url);
  await connection.call("rpc.ping");
  proxy.down();
  await reaches(connection, "waiting");
  const calls = Array.from({ length: 100 }, () => connection.call("rpc.ping"));
  await assert.rejects(connection.call("rpc.ping"), { kind: "queue_full", code: 429 });
  proxy.up();
  assert.equal((await Promise.all(calls)).length, 100);
});

for (const fault of ["stall", "halfOpen"]) {
  test(`the watchdog notices a line that is dead: ${fault}`, async (t) => {
    const proxy = await proxied(t);
    const connection = connect(t, proxy.url, { silenceMs: 300, answerMs: 200 });
    await connection.call("rpc.ping");
    await new Promise((resolve) => setTimeout(resolve, 700));
    assert.equal(connection.state, "open", "a quiet line is no dead one");
    proxy[fault]();
    const since = Date.now();
    await reaches(connection, "waiting");
    assert.ok(Date.now() - since < 1500);
    await connection.call("rpc.ping");
  });
}

test("a token that is not valid is asked for once more", async (t) => {
  t.mock.method(Math, "random", () => 0.02);
  const { token } = await connect(t).call("session.create", DEMO);
  const tokens = ["not-valid", token];
  const connection = connect(t, URL, { token: async () => tokens.shift() });
  assert.ok((await connection.call("session.list")).sessions.length > 0);
  assert.equal(tokens.length, 0);

  const hopeless = connect(t, URL, { token: async () => "not-valid" });
  await assert.rejects(hopeless.call("session.list"), { code: 401, kind: "unauthenticated" });
  assert.equal(hopeless.state, "closed");
});

test("a session that is ended elsewhere ends the connection, or its token is asked for again", async (t) => {
  const admin = await signedIn(t);
  const plain = connect(t);
  const { session } = await plain.call("session.create", DEMO);
  await admin.call("session.delete", { id: session.id });
  await reaches(plain, "closed");
  assert.deepEqual([plain.reason.code, plain.reason.kind], [4401, "session_expired"]);
  await assert.rejects(plain.call("rpc.ping"), { kind: "session_expired" });
  plain.open();
  await plain.call("session.create", DEMO);

  const sessions = [];
  const token = async () => {
    sessions.push(await connect(t).call("session.create", DEMO));
    return sessions.at(-1).token;
  };
  const asking = connect(t, URL, { token });
  const subscription = asking.subscribe("user");
  await subscription.ready;
  await plain.call("session.delete", { id: sessions[0].session.id });
  await until(() => sessions.length === 2 && subscription.isLive, "signed in anew");
});
