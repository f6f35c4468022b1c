// https://github.com/TypeFox/monaco-languageclient, its vscode-ws-jsonrpc: several params go by
// position, one object by name.
import assert from "node:assert/strict";
import { listen } from "vscode-ws-jsonrpc";
import WebSocket from "ws";

const webSocket = new WebSocket(process.argv[2]);
const connection = await new Promise((resolve) => listen({ webSocket, onConnection: resolve }));
const changed = new Promise((resolve) => connection.onNotification("user.changed", resolve));
connection.listen();

const email = `${crypto.randomUUID()}@example.org`;
const password = "correct horse";
const { user } = await connection.sendRequest("user.create", email, "vscode-ws-jsonrpc", password);
const { subscription } = await connection.sendRequest("user.subscribe", { where: { id: user.id } });

await connection.sendRequest("user.update", { status: "here" }, user.id);
const { changes } = await changed;
assert.deepEqual([changes[0].op, changes[0].set.status], ["change", "here"]);

await assert.rejects(connection.sendRequest("user.no"), { code: -32601 });
await assert.rejects(connection.sendRequest("user.update", { status: 7 }, user.id), (error) => {
  assert.deepEqual([error.code, error.data.path], [-32602, "set.status"]);
  return true;
});

await connection.sendRequest("subscription.close", { subscription });
const closed = new Promise((resolve) => connection.onClose(resolve));
webSocket.close(1000);
await closed;
console.log(`vscode-ws-jsonrpc was told of ${changes[0].set.status}`);
