// Somebody with a socket of their own, who shares no code with the page.
import { once } from "node:events";
import { WebSocket } from "ws";
import { DEMO } from "./ground.mjs";

/** Signed in, and closed when the test ends. */
export async function connect(t, url) {
  const socket = new WebSocket(`${url.replace("http", "ws")}/rpc`, ["victoryvault.v1"]);
  t.after(() => socket.close());
  await once(socket, "open");
  let id = 0;
  const call = async (method, params) => {
    const own = ++id;
    socket.send(JSON.stringify({ jsonrpc: "2.0", method, params, id: own }));
    for await (const [data] of on(socket)) {
      const reply = JSON.parse(data);
      if (reply.id !== own) continue;
      if (reply.error) throw new Error(reply.error.message);
      return reply.result;
    }
  };
  await call("session.create", DEMO);
  return { call };
}

async function* on(socket) {
  for (;;) yield await once(socket, "message");
}
