// Why there is no connection is said, for people.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { test } from "node:test";
import { WebSocket } from "ws";
import { connect, reaches, until, URL } from "./common.mjs";
import { Stub } from "./stub.mjs";

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

/** All that it has written when it ends. */
async function saidByNode(t, given) {
  const child = spawn(process.execPath, given);
  t.after(() => child.kill());
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (data) => (said += data));
  await once(child, "close");
  return said;
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

test("without a WebSocket it says how to get one, and not after the whole file", async (t) => {
  const lines = `
    import { Connection } from "@victoryvault/client";
    delete globalThis.WebSocket;
    await new Connection("${URL}").call("rpc.ping");`;
  const said = await saidByNode(t, ["--input-type=module", "-e", lines]);
  assert.ok(said.includes("CallError]: There is no WebSocket here: run Node with --experimental-websocket, or pass one"));
  assert.ok(said.length < 2000, said);
});

test("an error of Node's own WebSocket, which no close follows, is the end of an attempt", async (t) => {
  const lines = `
    import { Connection } from "@victoryvault/client";
    const connection = new Connection("ws://${await nobody(t)}/rpc");
    connection.on("state", (state) => {
      if (state !== "waiting") return;
      console.log(connection.reason.message);
      connection.close();
    });
    connection.open();`;
  const said = await saidByNode(t, ["--experimental-websocket", "--input-type=module", "-e", lines]);
  assert.match(said, /^The connection could not be opened(?!: it took longer)/m);
});

for (const ms of [0, 50]) {
  test(`an error and a close ${ms} ms after it are one loss`, async (t) => {
    t.mock.method(Math, "random", () => 1); // it waits for 0.2 and 0.4 seconds
    const attempts = [];
    let losses = 0;
    class Late extends WebSocket {
      constructor(...given) {
        super(...given);
        attempts.push([losses, Math.random.mock.callCount()]);
      }

      set onclose(told) {
        super.onclose = (event) => (ms ? setTimeout(told, ms, event) : told(event));
      }
    }
    const connection = connect(t, `ws://${await nobody(t)}/rpc`, { WebSocket: Late });
    connection.on("state", (state) => (losses += state === "waiting"));
    connection.open();
    await until(() => attempts.length === 3, "a third attempt");
    assert.deepEqual(attempts, [
      [0, 0],
      [1, 1],
      [2, 2],
    ]);
  });
}

test("the code of a close that follows an error counts", async (t) => {
  const stub = await Stub.start();
  t.after(() => stub.close());
  class Failing extends WebSocket {
    set onclose(told) {
      super.onclose = (event) => {
        this.onerror({});
        told(event);
      };
    }
  }
  const connection = connect(t, stub.url, { WebSocket: Failing });
  await connection.call("rpc.ping");
  stub.lines[0].socket.close(4500, "go away");
  await reaches(connection, "closed");
  assert.deepEqual([connection.reason.code, connection.reason.message], [4500, "go away"]);
});
