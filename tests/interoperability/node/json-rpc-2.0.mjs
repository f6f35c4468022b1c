// https://github.com/shogowada/json-rpc-2.0: over any socket; a notification is a method of ours.
import assert from "node:assert/strict";
import { JSONRPCClient, JSONRPCServer, JSONRPCServerAndClient } from "json-rpc-2.0";
import WebSocket from "ws";

const socket = new WebSocket(process.argv[2], ["victoryvault.v1"]);
await new Promise((resolve, reject) => Object.assign(socket, { onopen: resolve, onerror: reject }));
const both = new JSONRPCServerAndClient(
  new JSONRPCServer(),
  new JSONRPCClient((request) => {
    socket.send(JSON.stringify(request));
    return Promise.resolve();
  }),
);
socket.onmessage = (event) => both.receiveAndSend(JSON.parse(event.data));
socket.onclose = (event) => both.rejectAllPendingRequests(`closed (${event.reason})`);
const changed = new Promise((resolve) => both.addMethod("user.changed", resolve));

const email = `${crypto.randomUUID()}@example.org`;
const full_name = "json-rpc-2.0";
const { user } = await both.request("user.create", { email, full_name, password: "correct horse" });
const { subscription } = await both.request("user.subscribe", { where: { id: user.id } });

await both.request("user.update", { set: { status: "here" } });
const { changes } = await changed;
assert.deepEqual([changes[0].op, changes[0].set.status], ["change", "here"]);

await assert.rejects(both.request("user.no", {}), { code: -32601 });
await assert.rejects(both.request("user.update", { set: { status: 7 } }), (error) => {
  assert.deepEqual([error.code, error.data.path], [-32602, "set.status"]);
  return true;
});

await both.request("subscription.close", { subscription });
const closed = new Promise((resolve) => (socket.onclose = resolve));
socket.close(1000);
assert.equal((await closed).code, 1000);
console.log(`json-rpc-2.0 was told of ${changes[0].set.status}`);
