// https://docs.colyseus.io/room: a room with messages, for its state is another thing.
import { Room, Server } from "@colyseus/core";
import { WebSocketTransport } from "@colyseus/ws-transport";

class Players extends Room {
  maxClients = 2000;
  seatReservationTimeout = 60;

  onCreate() {
    this.onMessage("publish", (client, message) => {
      this.broadcast("changed", message, { except: client });
    });
    this.onMessage("ping", (client) => client.send("pong"));
  }
}

const server = new Server({ greet: false, transport: new WebSocketTransport() });
server.define("players", Players);
server.listen(Number(process.argv[2]), "127.0.0.1");
