/** The minimum of an opening handshake: no checks, and the key at its expected place. */
import { createHash } from "node:crypto";

const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/** The response to a request, given as one character per byte. */
export function bareResponse(request: string): string {
  const [, key] = /^Sec-WebSocket-Key: (.*)\r$/mi.exec(request)!;
  return `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${
    createHash("sha1").update(key + GUID).digest("base64")
  }\r\n\r\n`;
}
