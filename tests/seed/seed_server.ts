/**
 * The page of code that this project began with, kept as it was: it opens for a client that writes as it expects, and
 * dies of others. Nothing but tests may use it.
 */
import { createHash } from "node:crypto";
import { createServer, type Server } from "node:net";

export function seedServer(): Server {
  return createServer((socket) => {
    socket.once("data", (data) => {
      const key = data.toString().match(/Sec-WebSocket-Key: (.+)\r\n/)![1]!;
      const accept = createHash("sha1").update(key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest("base64");
      socket.write(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
          `Sec-WebSocket-Accept: ${accept}\r\n\r\n`,
      );
    });
    socket.on("error", () => {});
  });
}
