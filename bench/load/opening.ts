/** The client's side of the opening handshake of RFC 6455, section 4.1. */
import { Buffer } from "node:buffer";
import { createHash, randomBytes } from "node:crypto";

/** One opening handshake. */
export class Opening {
  /** What is to be sent. */
  readonly request: string;
  readonly #key: string = randomBytes(16).toString("base64");
  #head = "";

  /** With the value of `Sec-WebSocket-Extensions` that is offered; `""` for none. */
  constructor(port: number, extensions: string) {
    this.request = [
      "GET / HTTP/1.1",
      `Host: 127.0.0.1:${port}`,
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Sec-WebSocket-Key: ${this.#key}`,
      "Sec-WebSocket-Version: 13",
      ...(extensions === "" ? [] : [`Sec-WebSocket-Extensions: ${extensions}`]),
      "\r\n",
    ].join("\r\n");
  }

  /**
   * Reads a part of the response. Returns the accepted extensions once it is complete, undefined before. Throws if it
   * is not an acceptance, or if anything follows it: nobody has sent the server anything yet.
   */
  read(chunk: Uint8Array): string | undefined {
    this.#head += Buffer.from(chunk).toString("latin1");
    const end = this.#head.indexOf("\r\n\r\n");
    if (end === -1) return undefined;
    const [status = "", ...lines] = this.#head.slice(0, end).split("\r\n");
    if (!status.startsWith("HTTP/1.1 101 ")) {
      throw new Error(`The server answered the opening handshake with "${status}".`);
    }
    const fields = new Map(lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
    }));
    const accept = createHash("sha1").update(`${this.#key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest(
      "base64",
    );
    if (fields.get("sec-websocket-accept") !== accept) {
      throw new Error("The server's Sec-WebSocket-Accept does not fit the key.");
    }
    if (end + 4 !== this.#head.length) throw new Error("The server spoke before it was spoken to.");
    return fields.get("sec-websocket-extensions") ?? "";
  }
}
