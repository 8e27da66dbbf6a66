/** The minimum on Deno: echoes bytes. */
import { Deno, type DenoConnection } from "./deno.ts";
import { serving } from "./serving.ts";

const BUFFER_SIZE = 64 * 1024;

async function echo(connection: DenoConnection): Promise<void> {
  connection.setNoDelay();
  const buffer = new Uint8Array(BUFFER_SIZE);
  for (;;) {
    const length = await connection.read(buffer);
    if (length === null) return;
    for (let from = 0; from < length;) from += await connection.write(buffer.subarray(from, length));
  }
}

const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
serving(listener.addr.port);
for await (const connection of listener) echo(connection).catch(() => {});
