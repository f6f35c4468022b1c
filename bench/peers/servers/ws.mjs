// https://github.com/websockets/ws#server-broadcast, with JSON-RPC messages.
import WebSocket, { WebSocketServer } from "ws";

const server = new WebSocketServer({ host: "127.0.0.1", port: Number(process.argv[2]) });
const subscribers = new Set();

const methods = {
  ping: () => ({}),
  subscribe(_params, client) {
    subscribers.add(client);
    return true;
  },
  publish(params) {
    const text = JSON.stringify({ jsonrpc: "2.0", method: "changed", params });
    for (const client of subscribers) {
      if (client.readyState === WebSocket.OPEN) client.send(text);
    }
    return true;
  },
};

server.on("connection", (client) => {
  client.on("error", console.error);
  client.on("close", () => subscribers.delete(client));
  client.on("message", (data) => {
    const { method, params, id } = JSON.parse(data);
    const result = methods[method](params, client);
    client.send(JSON.stringify({ jsonrpc: "2.0", result, id }));
  });
});
