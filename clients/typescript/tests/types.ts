// Compiled, never run: what is wrong must not compile.
import { CallError, Connection } from "@victoryvault/client";
import { WebSocket } from "ws";

const connection = new Connection("wss://example.org/rpc", { token: async () => null, WebSocket });

export async function right(): Promise<string> {
  const { user } = await connection.call("user.get", { id: "x" });
  await connection.call("rpc.ping");
  await connection.call("session.list", {}, { timeoutMs: 1000 });
  connection.on("server.draining", ({ reconnect_in_ms }) => reconnect_in_ms.toFixed());
  connection.on("state", (state) => state === "open");
  const subscription = connection.subscribe("user", { fields: ["status"] });
  for await (const change of subscription) if (change.op === "change") change.set.status?.trim();
  const where = { all: [{ "profile.level": { gte: 3 } }, { not: { full_name: { prefix: "A" } } }] };
  connection.subscribe("user", { where }).close();
  await connection.call("user.list", { where, order_by: ["-created_at", "id"] });
  connection.on("user.changed", ({ changes }) => changes.map((each) => (each.op === "leave" ? each.reason : each.set.status)));
  const version: number | undefined = subscription.rows.get("x")?.version;
  try {
    await subscription.ready;
  } catch (error) {
    if (error instanceof CallError) return error.kind;
  }
  return `${user.full_name} ${version}`;
}

export function wrong(): void {
  // @ts-expect-error there is no such method
  connection.call("user.got", { id: "x" });
  // @ts-expect-error a param is missing
  connection.call("user.get");
  // @ts-expect-error a param is missing
  connection.call("user.get", {});
  // @ts-expect-error a param has another type
  connection.call("user.get", { id: 1 });
  // @ts-expect-error there is no such param
  connection.call("user.get", { id: "x", ids: [] });
  // @ts-expect-error there are no params
  connection.call("rpc.ping", { loudly: true });
  // @ts-expect-error a field of `set` is wrong
  connection.call("user.update", { set: { fullname: "Ada" } });
  // @ts-expect-error the result has no such field
  connection.call("user.get", { id: "x" }).then(({ users }) => users);
  // @ts-expect-error there is no such resource
  connection.subscribe("users");
  // @ts-expect-error there is no such field
  connection.subscribe("user", { fields: ["name"] });
  // @ts-expect-error a field that was not asked for
  connection.subscribe("user", { fields: ["status"] }).rows.get("x")?.full_name;
  // @ts-expect-error there is no such field to filter by
  connection.subscribe("user", { where: { fullname: "Ada" } });
  // @ts-expect-error there is no such operator
  connection.subscribe("user", { where: { all: [{ full_name: { like: "Ada" } }] } });
  // @ts-expect-error a field that has no order
  connection.call("user.list", { order_by: ["profile"] });
  // @ts-expect-error there is no such notification
  connection.on("server.drained", () => {});
}

// A server's own methods are added like this, or by generating `generated.ts` from its own document.
declare module "@victoryvault/client" {
  interface Methods {
    "greeting.say": { params: { name: string; loudly?: boolean }; result: { text: string } };
  }
}

export const greet = () => connection.call("greeting.say", { name: "Ada" }).then(({ text }) => text);
// @ts-expect-error a param is missing
export const greetNobody = () => connection.call("greeting.say", {});
