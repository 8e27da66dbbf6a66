/**
 * A client in a process of its own, which trusts the authority that the process was started with; or, if a file is named, the
 * authority in that alone.
 */
import { readFileSync } from "node:fs";
import process from "node:process";
import { connect } from "../../mod.ts";

const [, , url, file] = process.argv;
const socket = await connect(url!, file === undefined ? {} : { tls: { ca: readFileSync(file, "utf8") } });
const sent = Uint8Array.from({ length: 300_000 }, (_, i) => i % 251);
const messages = socket[Symbol.asyncIterator]();
for (let round = 0; round < 10; round++) {
  socket.send(sent);
  const { value } = await messages.next();
  if (
    !(value instanceof Uint8Array) || value.length !== sent.length ||
    value.some((byte, i) => byte !== sent[i])
  ) {
    throw new Error("What came back is not what was sent.");
  }
}
const { code, wasClean } = await socket.close();
console.log(`${code} ${wasClean}`);
