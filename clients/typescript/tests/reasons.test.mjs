// Why there is no connection is said, for people.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { WebSocket } from "ws";
import { connect, reaches, URL } from "./common.mjs";

async function listening(t, answer) {
  const server = createServer(answer).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return server;
}

/** An address where nobody listens. */
async function nobody(t) {
  const server = await listening(t);
  const { port } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return `127.0.0.1:${port}`;
}

test("what the WebSocket says is the reason, and a call that waited in vain says it too", async (t) => {
  const host = await nobody(t);
  for (const [url, said] of [
    [`ws://${host}/rpc`, `connect ECONNREFUSED ${host}`],
    [URL.replace("/rpc", "/"), "Unexpected server response: 404"],
  ]) {
    const connection = connect(t, url);
    const failing = connection.call("rpc.ping", {}, { timeoutMs: 300 });
    await reaches(connection, "waiting");
    const { code, kind, message } = connection.reason;
    assert.deepEqual([code, kind], [1006, "connection_lost"]);
    assert.equal(message, `The connection could not be opened: ${said}`);
    await assert.rejects(failing, { kind: "timeout", message: `rpc.ping had no answer within 300 ms. ${message}` });
  }
});

test("a call that waited in vain says that the connection is not open yet", async (t) => {
  const server = await listening(t, (socket) => socket.resume());
  const connection = connect(t, `ws://127.0.0.1:${server.address().port}/rpc`);
  const message = "rpc.ping had no answer within 20 ms. The connection is not open.";
  await assert.rejects(connection.call("rpc.ping", {}, { timeoutMs: 20 }), { kind: "timeout", message });
});
