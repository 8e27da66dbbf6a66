/**
 * `woshou serve`: an echo or broadcast server that shows its opening handshakes on a page.
 *
 * @module
 */
import process from "node:process";
import type { ConnectionCallbacks } from "../connection/connection.ts";
import { describeRefusal } from "../server/refusal_notice.ts";
import { serve, type Server } from "../server/serve.ts";
import type { ServeArguments } from "./arguments.ts";
import { ECHO } from "./echo.ts";
import { HandshakeLog } from "./handshake_log.ts";
import { pageFetch } from "./page.ts";
import { VERSION } from "./version.ts";

const LOOPBACK = ["localhost", "*.localhost", "127.0.0.1", "[::1]"];
const BUFFER = 16 * 1024 * 1024;

const EVERYONE = "everyone";

/** Starts the server. Rejects with a `TransportError` if it cannot listen on the address. */
export async function startServer(settings: ServeArguments): Promise<Server> {
  const log = new HandshakeLog();
  const { host, port, protocols, origins, hosts, maxMessageSize, maxFragments, compression, verbose } =
    settings;
  const { handshakeTimeout, idleTimeout, closeTimeout } = settings;
  const broadcast: ConnectionCallbacks = {
    open: (socket) => socket.subscribe(EVERYONE),
    message: (_, message) => void server.publish(EVERYONE, message),
  };
  const server = await serve({
    hostname: host,
    port,
    ...(protocols.length === 0 ? {} : { protocols }),
    ...(origins.length === 0 ? {} : { origins: origins.includes("any") ? "any" : origins }),
    ...(hosts.length === 0 ? {} : { hosts: hosts.includes("any") ? "any" : [...LOOPBACK, ...hosts] }),
    // The buffer must have room for one message beside what already waits, or it could be received but not echoed.
    ...(maxMessageSize === undefined ? {} : { maxMessageSize, maxBufferedAmount: BUFFER + maxMessageSize }),
    ...(maxFragments === undefined ? {} : { maxFragments }),
    ...(compression === undefined ? {} : { compression }),
    ...(handshakeTimeout === undefined ? {} : { handshakeTimeout }),
    ...(idleTimeout === undefined ? {} : { idleTimeout }),
    ...(closeTimeout === undefined ? {} : { closeTimeout }),
    fetch: await pageFetch(log),
    accepted(report) {
      log.add(report);
      if (verbose) console.error(`accepted: ${report.remoteAddress}`);
    },
    refused(refusal, report) {
      log.add(report, refusal);
      if (!verbose) return;
      const { status, code, message } = refusal;
      const told = describeRefusal(refusal, report.request);
      console.error(
        `refused: ${report.remoteAddress} ${status} ${code}: ${
          told === undefined ? "" : `${told} `
        }${message}`,
      );
    },
    error: (error) => console.error(`woshou: ${inOneLine(error)}`),
  }, settings.broadcast ? broadcast : ECHO);
  return server;
}

/** The line that says that the server is ready, with its URL. */
export function readyLine(url: string): string {
  return `woshou ${VERSION} listening: open ${url.replace(/^ws/, "http")} (${url})`;
}

/** Shuts down gracefully on the first SIGINT or SIGTERM, and exits on the second. */
export function endOnSignal(server: Server): void {
  let ending = false;
  const end = (code: number): void => {
    if (ending) process.exit(code);
    ending = true;
    void server.shutdown().then(() => process.exit(0));
  };
  process.on("SIGINT", () => end(130));
  try {
    process.on("SIGTERM", () => end(143));
  } catch {
    // Windows has no SIGTERM, and not every runtime emulates it.
  }
}

function inOneLine(error: unknown): string {
  const text = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
  return text.replace(/\s+/g, " ");
}
