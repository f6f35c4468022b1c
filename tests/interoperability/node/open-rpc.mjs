// https://github.com/open-rpc/client-js: over a socket, and over POST.
import assert from "node:assert/strict";
import { Client, HTTPTransport, RequestManager, WebSocketTransport } from "@open-rpc/client-js";

const address = process.argv[2];
const client = new Client(new RequestManager([new WebSocketTransport(address)]));
const request = (method, params) => client.request({ method, params }, null); // else a timer holds us
const changed = new Promise((resolve) =>
  client.onNotification(({ method, params }) => method === "user.changed" && resolve(params)),
);

const email = `${crypto.randomUUID()}@example.org`;
const { user, token } = await request("user.create", [email, "@open-rpc/client-js", "correct horse"]);
const { subscription } = await request("user.subscribe", [{ id: user.id }]);

await request("user.update", [{ status: "here" }]);
const { changes } = await changed;
assert.deepEqual([changes[0].op, changes[0].set.status], ["change", "here"]);

await assert.rejects(request("user.no", []), { code: -32601 });
await assert.rejects(request("user.update", [{ status: 7 }, user.id]), (error) => {
  assert.deepEqual([error.code, error.data.path], [-32602, "set.status"]);
  return true;
});
const { methods } = await request("rpc.discover", []);
assert.ok(methods.some(({ name }) => name === "user.subscribe"));

await request("subscription.close", [subscription]);
client.close();

const headers = { Authorization: `Bearer ${token}` };
const transport = new HTTPTransport(address.replace("ws", "http"), { headers });
const post = new Client(new RequestManager([transport]));
const got = await post.request({ method: "user.get", params: [user.id] });
assert.equal(got.user.status, "here");
console.log(`@open-rpc/client-js was told of ${changes[0].set.status}`);
