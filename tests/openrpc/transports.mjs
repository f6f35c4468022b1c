import { once } from "node:events";
import { WebSocket } from "ws";

let id = 0;

/** `send(method, params, token)` gives the reply. */
export function overHttp(url) {
  return {
    async send(method, params, token) {
      const headers = { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) };
      const body = JSON.stringify({ jsonrpc: "2.0", id: ++id, method, params });
      return (await fetch(`${url}/rpc`, { method: "POST", headers, body })).json();
    },
    close() {},
  };
}

/** One socket, and another one once its session was deleted, which closes it. */
export function overSocket(url) {
  let socket;
  const waiting = new Map();
  const open = async () => {
    socket = new WebSocket(`${url.replace("http", "ws")}/rpc`, ["victoryvault.v1"]);
    socket.on("message", (data) => {
      const message = JSON.parse(data);
      if (!message.method) waiting.get(message.id)(message);
    });
    await once(socket, "open");
  };
  return {
    async send(method, params) {
      if (socket?.readyState !== WebSocket.OPEN) await open();
      const closed = method === "session.delete" && once(socket, "close");
      const reply = new Promise((resolve) => waiting.set(++id, resolve));
      socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
      const said = await reply;
      await closed;
      return said;
    },
    close() {
      socket.close();
    },
  };
}
