// What the real server does not do on demand.
import assert from "node:assert/strict";
import { test } from "node:test";
import { connect, reaches, until } from "./common.mjs";
import { Stub } from "./stub.mjs";

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function stubbed(t, answer) {
  const stub = await Stub.start(answer);
  t.after(() => stub.close());
  return stub;
}

test("a fatal close is the end", async (t) => {
  const stub = await stubbed(t);
  const connection = connect(t, stub.url);
  const subscription = connection.subscribe("user");
  await connection.call("rpc.ping");
  stub.lines[0].socket.close(4500, "go away");
  await reaches(connection, "closed");
  assert.deepEqual([connection.reason.code, connection.reason.message], [4500, "go away"]);
  await assert.rejects(connection.call("rpc.ping"), { code: 4500, kind: "connection_closed" });
  assert.equal(subscription.error.code, 4500);
  await pause(300);
  assert.equal(stub.lines.length, 1);
});

test("a session is renewed before it expires, and the new token is used", async (t) => {
  const stub = await stubbed(t, ({ method }) => (method === "session.renew" ? { token: "new" } : {}));
  const connection = connect(t, stub.url, { token: async () => "old" });
  const tokens = [];
  connection.on("token", (token) => tokens.push(token));
  await connection.call("rpc.ping");
  assert.equal(stub.lines[0].protocols, "victoryvault.v1,bearer.old");
  stub.lines[0].notify("session.expiring", { expires_at: "2030-01-01T00:00:00.000000Z" });
  await until(() => tokens.length, "renewed");
  assert.match(stub.lines[0].messages.at(-1).params.retry_key, /^[0-9a-f]{32}$/);
  stub.lines[0].socket.close(1001);
  await until(() => stub.lines.length === 2, "back");
  assert.equal(stub.lines[1].protocols, "victoryvault.v1,bearer.new");
  assert.deepEqual(tokens, ["new"]);
});

test("a server that drains says when to come back", async (t) => {
  t.mock.method(Math, "random", () => 0);
  const stub = await stubbed(t);
  const connection = connect(t, stub.url);
  await connection.call("rpc.ping");
  stub.lines[0].notify("server.draining", { reconnect_in_ms: 400 });
  await connection.call("rpc.ping"); // it is served until the end
  const since = Date.now();
  stub.lines[0].socket.close(1012);
  await until(() => stub.lines.length === 2, "back");
  assert.ok(Date.now() - since >= 395, `after ${Date.now() - since} ms`);
});

test("what was sent and not answered: reads are repeated, what nobody knows fails, a stopped call is cancelled", async (t) => {
  const stub = await stubbed(t, (_message, line) => stub.lines.indexOf(line) > 0 && { said: true });
  const connection = connect(t, stub.url);
  const read = connection.call("user.get", { id: "x" });
  const unknown = connection.call("door.open", {});
  const keyed = connection.call("door.open", { retry_key: "k" });
  const controller = new AbortController();
  const stopped = connection.call("user.list", {}, { signal: controller.signal });
  const slow = connection.call("user.update", { set: {} }, { timeoutMs: 50 }).catch((error) => error);
  await until(() => stub.lines[0]?.messages.length === 5, "sent");
  controller.abort();
  await assert.rejects(stopped, { kind: "cancelled", code: 499 });
  assert.deepEqual([(await slow).kind, (await slow).data.retry_key.length], ["timeout", 32]);
  const sent = stub.lines[0].messages;
  await until(() => sent.length === 7, "cancelled");
  const idOf = (name) => sent.find(({ method }) => method === name).id;
  const cancelled = sent.slice(5).map(({ method, params, id }) => [method, params.id, id]);
  assert.deepEqual(cancelled, [
    ["rpc.cancel", idOf("user.list"), undefined],
    ["rpc.cancel", idOf("user.update"), undefined],
  ]);
  stub.lines[0].socket.close(1011);
  await assert.rejects(unknown, { kind: "connection_lost", code: 1011 });
  assert.deepEqual(await Promise.all([read, keyed]), [{ said: true }, { said: true }]);
  assert.deepEqual(stub.lines[1].messages, [sent[0], sent[2]]);
});

test("the session has ended: the token function is asked once more, then it is over", async (t) => {
  const stub = await stubbed(t);
  let asked = 0;
  const connection = connect(t, stub.url, { token: async () => `token-${++asked}` });
  await connection.call("rpc.ping");
  stub.lines[0].socket.close(4401);
  await until(() => stub.lines.length === 2, "back");
  assert.equal(stub.lines[1].protocols, "victoryvault.v1,bearer.token-2");
  await reaches(connection, "open");
  stub.lines[1].socket.close(4401);
  await reaches(connection, "closed");
  assert.equal(asked, 2);
  assert.equal(connection.reason.kind, "session_expired");
});

test("it connects at once when the network is back", async (t) => {
  t.mock.method(Math, "random", () => 1);
  const browser = new EventTarget();
  for (const name of ["addEventListener", "removeEventListener"]) globalThis[name] = browser[name].bind(browser);
  t.after(() => ["addEventListener", "removeEventListener"].forEach((name) => delete globalThis[name]));
  const stub = await stubbed(t);
  const connection = connect(t, stub.url);
  for (let index = 0; index < 5; index++) {
    await connection.call("rpc.ping");
    stub.lines[index].socket.close(1001);
    await reaches(connection, "waiting"); // for 0.2, 0.4, 0.8, 1.6, 3.2 seconds, by itself
    browser.dispatchEvent(new Event("online"));
    const since = Date.now();
    await reaches(connection, "open");
    assert.ok(Date.now() - since < 150);
  }
});

test("a listener that throws harms nobody", async (t) => {
  const stub = await stubbed(t);
  const connection = connect(t, stub.url);
  const thrown = [];
  t.mock.method(globalThis, "queueMicrotask", (later) => thrown.push(later));
  connection.on("state", (state) => {
    throw new Error(state);
  });
  await connection.call("rpc.ping");
  assert.throws(thrown[0], { message: "connecting" });
});
