/** A server of node:http while it is needed. */
import { once } from "node:events";
import type { Server } from "node:http";

/** Listens on a free port, and closes the server with all that it has afterwards. */
export async function listening(server: Server, use: (port: number) => Promise<void>): Promise<void> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await use((server.address() as { port: number }).port);
  } finally {
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections?.();
    await closed;
  }
}
