// https://github.com/elpheria/rpc-websockets: calls are promises, a notification is an event.
import assert from "node:assert/strict";
import { once } from "node:events";
import { Client } from "rpc-websockets";

const client = new Client(process.argv[2]);
await new Promise((resolve) => client.on("open", resolve));

const email = `${crypto.randomUUID()}@example.org`;
const { user } = await client.call("user.create", [email, "rpc-websockets", "correct horse"]);
const { subscription } = await client.call("user.subscribe", [{ id: user.id }]);

const changed = once(client, "user.changed");
await client.call("user.update", [{ status: "here" }]);
const [{ changes }] = await changed;
assert.deepEqual([changes[0].op, changes[0].set.status], ["change", "here"]);

await assert.rejects(client.call("user.no"), { code: -32601 });
await assert.rejects(client.call("user.update", [{ status: 7 }, user.id]), (error) => {
  assert.deepEqual([error.code, error.data.path], [-32602, "set.status"]);
  return true;
});

await client.call("subscription.close", [subscription]);
const closed = new Promise((resolve) => client.on("close", resolve));
client.close();
assert.equal(await closed, 1000);
console.log(`rpc-websockets was told of ${changes[0].set.status}`);
