// https://socket.io/docs/v4/rooms/ and its acknowledgements.
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer((_request, response) => response.writeHead(404).end());
const io = new Server(http);

io.on("connection", (socket) => {
  socket.on("subscribe", (room, acknowledge) => {
    socket.join(room);
    acknowledge(true);
  });
  socket.on("publish", (room, message) => io.to(room).emit("changed", message));
  socket.on("call", (acknowledge) => acknowledge({}));
});

http.listen(Number(process.argv[2]), "127.0.0.1");
