/** The least that an opening handshake can be: no check, and the key where it is expected. */
import { createHash } from "node:crypto";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** The response to the octets of a request, each of them one character. */
export function bareResponse(request: string): string {
  const [, key] = /^Sec-WebSocket-Key: (.*)\r$/mi.exec(request)!;
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${
    createHash("sha1").update(key + GUID).digest("base64")
  }\r\n\r\n`;
}
