/** What the hostile corpus (`tests/corpus`) sends, as a beginning for mutations. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { projectRoot } from "../fixtures.ts";
import { joined } from "./random.ts";

interface Step {
  readonly data_b64?: string;
  readonly text?: string;
  readonly repeat?: number;
}

interface Entry {
  readonly handshake?: boolean;
  readonly offer?: string;
  readonly send: readonly Step[];
}

/** A placeholder for the accept key: the example of RFC 6455, section 1.3. */
export const ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

const LARGEST = 2000;

function entries(file: string): Entry[] {
  return JSON.parse(readFileSync(join(projectRoot, "tests", "corpus", file), "utf8"));
}

function bytesOf({ data_b64, text, repeat = 1 }: Step): Uint8Array {
  const bytes = text === undefined
    ? Uint8Array.from(atob(data_b64 ?? ""), (character) => character.charCodeAt(0))
    : new TextEncoder().encode(text.replaceAll("{{ACCEPT}}", ACCEPT));
  return joined(new Array<Uint8Array>(Math.min(repeat, 40)).fill(bytes));
}

function streamOf({ send }: Entry): Uint8Array {
  return joined(send.map(bytesOf)).slice(0, LARGEST);
}

const server = entries("server.json");
const client = entries("client.json");

/** What hostile clients send before anything else. */
export const requests: readonly Uint8Array[] = server.filter(({ handshake }) => !handshake).map(streamOf);

/** What hostile clients send behind an opening handshake. */
export const frames: readonly Uint8Array[] = server.filter(({ handshake }) => handshake).map(streamOf);

/** What hostile clients send where messages may be compressed. */
export const compressedFrames: readonly Uint8Array[] = server.filter(({ offer }) => offer !== undefined).map(
  streamOf,
);

/** What hostile servers answer. */
export const responses: readonly Uint8Array[] = client.map(streamOf);
