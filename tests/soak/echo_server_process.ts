/** An echo server that counts who came and who went, in a process of its own. */
import { serve } from "../../mod.ts";
import { speak } from "./speaking.ts";

/** What it has counted. */
export interface Counts {
  /** Calls of the `open` callback. */
  opened: number;
  /** Calls of the `close` callback. */
  closed: number;
  /** `closed` promises that have settled. */
  settled: number;
  /** Those that ended with both Close frames. */
  clean: number;
  /** Connections that the server has now. */
  live: number;
  messages: number;
  /** What was reported to the `error` hook. */
  errors: string[];
}

const counts = { opened: 0, closed: 0, settled: 0, clean: 0, messages: 0, errors: [] as string[] };

const server = await serve({
  port: 0,
  backlog: 4096,
  error: (error) => void counts.errors.push(String(error)),
}, {
  open(socket) {
    counts.opened++;
    void socket.closed.then(() => counts.settled++);
  },
  message(socket, message) {
    counts.messages++;
    return socket.send(message) ? undefined : socket.drained().catch(() => {});
  },
  close(_, close) {
    counts.closed++;
    if (close.wasClean) counts.clean++;
  },
});

speak(server.port, (question) => {
  if (question.do !== "count") throw new Error(`Cannot "${question.do}".`);
  return { ...counts, live: server.connections.size } satisfies Counts;
});
