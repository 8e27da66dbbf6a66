/** The minimum for handing connections to `node:http`: a stream over `node:net`, without deadlines, limits or an owner. */
import { Buffer } from "node:buffer";
import { createServer } from "node:http";
import { createServer as createTcpServer, type Socket } from "node:net";
import { Duplex } from "node:stream";
import { application } from "./application.ts";
import { serving } from "./serving.ts";

class Stream extends Duplex {
  readonly #socket: Socket;

  constructor(socket: Socket) {
    super({ decodeStrings: false });
    this.#socket = socket;
    socket.on("data", (chunk) => this.push(chunk) || socket.pause());
    socket.on("close", () => this.destroy());
    socket.on("error", () => {});
  }

  override _read(): void {
    this.#socket.resume();
  }

  override _write(chunk: string | Uint8Array, encoding: BufferEncoding, done: () => void): void {
    this.#socket.write(typeof chunk === "string" ? Buffer.from(chunk, encoding) : chunk, () => done());
  }

  override _final(done: () => void): void {
    this.#socket.end();
    done();
  }

  /** Deno's `node:http` calls it. */
  setTimeout(): this {
    return this;
  }
}

const http = createServer(application);
// Deno would close each connection after its first response.
Object.defineProperty(http, "listening", { value: true });
const server = createTcpServer({ noDelay: true }, (socket) => http.emit("connection", new Stream(socket)));
server.listen(0, "127.0.0.1", () => serving((server.address() as { port: number }).port));
