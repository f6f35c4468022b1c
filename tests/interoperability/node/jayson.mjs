// https://github.com/tedeh/jayson: over a socket, where it leaves notifications to the socket's
// owner, and over POST.
import assert from "node:assert/strict";
import { once } from "node:events";
import jayson from "jayson/promise/index.js";
import WebSocket from "ws";

const address = process.argv[2];
const ws = new WebSocket(address);
await once(ws, "open");
const client = new jayson.Client.websocket({ ws });
const changed = new Promise((resolve) =>
  ws.on("message", (text) => {
    const { method, params } = JSON.parse(text);
    if (method === "user.changed") resolve(params);
  }),
);

const email = `${crypto.randomUUID()}@example.org`;
const created = await client.request("user.create", [email, "jayson", "correct horse"]);
const { user, token } = created.result;
const { result: snapshot } = await client.request("user.subscribe", [{ id: user.id }]);

await client.request("user.update", [{ status: "here" }, null]);
const { changes } = await changed;
assert.deepEqual([changes[0].op, changes[0].set.status], ["change", "here"]);

assert.equal((await client.request("user.no", [])).error.code, -32601);
const { error } = await client.request("user.update", [{ status: 7 }]);
assert.deepEqual([error.code, error.data.path], [-32602, "set.status"]);

await client.request("subscription.close", [snapshot.subscription]);
client.unlisten();
ws.close(1000);
assert.equal((await once(ws, "close"))[0], 1000);

const { protocol, hostname, port, pathname } = new URL(address);
const door = protocol === "wss:" ? jayson.Client.https : jayson.Client.http;
const headers = { Authorization: `Bearer ${token}` };
const post = new door({ hostname, port, path: pathname, headers });
assert.equal((await post.request("user.get", [user.id])).result.user.status, "here");
assert.equal((await post.request("user.subscribe", [])).error.data.kind, "needs_socket");
const entry = (method) => post.request(method, [], undefined, false);
const answers = await post.request([entry("rpc.ping"), entry("user.no"), entry("system.info")]);
assert.deepEqual(answers.map(({ error }) => error?.code), [undefined, -32601, undefined]);
console.log(`jayson was told of ${changes[0].set.status}`);
