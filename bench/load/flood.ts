/**
 * A load generator: a server that sends text to a single client as fast as it reads, and counts what it reports.
 * Started by the bench.
 */
import { Buffer } from "node:buffer";
import { createHash } from "node:crypto";
import { type AddressInfo, createServer, type Socket } from "node:net";
import process from "node:process";
import { createInterface } from "node:readline";
import { TOLD, TOLD_TOGETHER } from "../clients/flood.ts";
import { frame } from "./frames.ts";
import { ownJob } from "./job.ts";
import { fail, span, tell } from "./span.ts";

/** What this load is made of. */
export interface Flood {
  /** Bytes of a text. */
  readonly size: number;
}

/** Most unreported batches of {@linkcode TOLD_TOGETHER}: what the client may have to buffer. */
const UNDER_WAY = 32;
/** RFC 6455, section 5.3: a key of four octets stands before what it masks. */
const TELLING_SIZE = 2 + 4 + TOLD.length;

const job = ownJob<Flood>();
const totals = { messages: 0, answerBytes: 0 };
const text = Buffer.alloc(job.size, "abcdefghijklmnopqrstuvwxyz");
const batch = Buffer.concat(Array.from({ length: TOLD_TOGETHER }, () => frame(0x81, text)));

/** The head of the answer to a whole request. */
function acceptance(request: string): string {
  const key = /^sec-websocket-key: *(\S+)/im.exec(request)?.[1] ?? "";
  const accept = createHash("sha1").update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest("base64");
  return [
    "HTTP/1.1 101 Switching Protocols",
    "Upgrade: websocket",
    "Connection: Upgrade",
    `Sec-WebSocket-Accept: ${accept}`,
    "\r\n",
  ].join("\r\n");
}

let begin!: () => void;
/** Resolves when the client has read for the first time. */
const begun = new Promise<void>((resolve) => begin = resolve);

function flood(socket: Socket): void {
  socket.on("error", fail).on("close", () => fail(new Error("The client closed the connection.")));
  let request: string | undefined = "";
  let received = 0;
  socket.on("data", (chunk) => {
    if (request !== undefined) {
      request += chunk.toString("latin1");
      if (!request.endsWith("\r\n\r\n")) return;
      socket.write(acceptance(request));
      request = undefined;
      for (let i = 0; i < UNDER_WAY; i++) socket.write(batch);
      return;
    }
    if (received === 0 && chunk[0] !== 0x81) fail(new Error("The client sent what it was not to send."));
    received += chunk.length;
    begin();
    for (; received >= TELLING_SIZE; received -= TELLING_SIZE) {
      totals.messages += TOLD_TOGETHER;
      totals.answerBytes += TOLD_TOGETHER * job.size;
      socket.write(batch);
    }
  });
}

const server = createServer({ noDelay: true }, flood);
server.listen(0, "127.0.0.1", () => {
  console.log(JSON.stringify({ port: (server.address() as AddressInfo).port }));
});
createInterface({ input: process.stdin }).once("line", async (pid) => {
  await begun;
  tell(await span({ ...job, pid: Number(pid) }, totals));
});
