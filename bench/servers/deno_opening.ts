/** The minimum of an opening handshake on Deno. */
import { Deno, type DenoConnection } from "./deno.ts";
import { bareResponse } from "./opening.ts";
import { serving } from "./serving.ts";

const encoder = new TextEncoder();
const decoder = new TextDecoder();

async function open(connection: DenoConnection): Promise<void> {
  connection.setNoDelay();
  const buffer = new Uint8Array(1024);
  const length = await connection.read(buffer);
  if (length === null) return;
  await connection.write(encoder.encode(bareResponse(decoder.decode(buffer.subarray(0, length)))));
  await connection.read(buffer);
}

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
serving(listener.addr.port);
// The reset ends reading with an error.
for await (const connection of listener) open(connection).catch(() => {}).finally(() => connection.close());
