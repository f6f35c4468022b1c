// A server that does what a test says, for what the real one does not do on demand.
import { once } from "node:events";
import { WebSocketServer } from "ws";

export class Stub {
  /** Of each socket that came: what it offered, and what it sent. */
  lines = [];

  /** `answer(message, line)` gives the result to send, or nothing. */
  static async start(answer = () => ({})) {
    const stub = new Stub();
    stub.server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
    stub.server.on("connection", (socket, request) => {
      const line = { socket, protocols: request.headers["sec-websocket-protocol"], messages: [], at: Date.now() };
      line.notify = (method, params) => socket.send(JSON.stringify({ jsonrpc: "2.0", method, params }));
      stub.lines.push(line);
      socket.on("message", (data) => {
        const message = JSON.parse(data);
        line.messages.push(message);
        const result = answer(message, line);
        if (result && message.id !== undefined) socket.send(JSON.stringify({ jsonrpc: "2.0", id: message.id, result }));
      });
    });
    await once(stub.server, "listening");
    stub.url = `ws://127.0.0.1:${stub.server.address().port}/rpc`;
    return stub;
  }

  close() {
    for (const { socket } of this.lines) socket.terminate();
    this.server.close();
  }
}
