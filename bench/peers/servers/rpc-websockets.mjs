// https://github.com/elpheria/rpc-websockets#quick-start
import { Server } from "rpc-websockets";

const server = new Server({ host: "127.0.0.1", port: Number(process.argv[2]) });

server.event("changed");
server.register("ping", () => ({}));
server.register("publish", (message) => {
  server.emit("changed", message);
  return true;
});
