/** A server of node:http2 with an acceptor, for a test. */
import { once } from "node:events";
import type { Http2SecureServer, Http2Server, ServerHttp2Session } from "node:http2";
import type { AddressInfo } from "node:net";
import type { Acceptor } from "../mod.ts";

/** A listening server. */
export interface ListeningHttp2 {
  readonly port: number;
  /** Closes the WebSockets, then the sessions and the port. */
  shutdown(): Promise<void>;
}

/** Listens on a free port of this machine; `onSession` is called for each connection of HTTP/2. */
export async function listenHttp2(
  server: Http2Server | Http2SecureServer,
  accept: Acceptor,
  onSession: (session: ServerHttp2Session) => void = () => {},
): Promise<ListeningHttp2> {
  const sessions = new Set<ServerHttp2Session>();
  server.on("session", (session: ServerHttp2Session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
    onSession(session);
  });
  accept.http2(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async shutdown() {
      await accept.shutdown();
      const closed = once(server, "close");
      server.close();
      for (const session of sessions) session.destroy();
      await closed;
    },
  };
}
