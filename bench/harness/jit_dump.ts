/** Reads JavaScriptCore's "jitdump" of compiled code (linux/tools/perf). */
import type { Buffer } from "node:buffer";

const MAGIC = 0x4a695444;
const CODE_LOAD = 0;

/** The symbols of a dump in the format of /tmp/perf-PID.map: address, size and name per line. */
export function jitSymbols(dump: Buffer): string {
  if (dump.readUInt32LE(0) !== MAGIC) throw new Error("This is no jitdump.");
  // Later code may replace earlier code at the same address.
  const symbols = new Map<bigint, string>();
  for (let at = dump.readUInt32LE(8); at + 16 <= dump.length;) {
    const size = dump.readUInt32LE(at + 4);
    if (size === 0) break;
    if (dump.readUInt32LE(at) === CODE_LOAD && at + size <= dump.length) {
      const address = dump.readBigUInt64LE(at + 32);
      const codeSize = dump.readBigUInt64LE(at + 40);
      const name = dump.toString("utf8", at + 56, dump.indexOf(0, at + 56));
      symbols.set(address, `${address.toString(16)} ${codeSize.toString(16)} ${name}\n`);
    }
    at += size;
  }
  return [...symbols].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, line]) => line).join("");
}
