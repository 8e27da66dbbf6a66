/** Compressed echoes, without context takeover. */
import { perCpuSecond } from "../harness/figures.ts";
import type { Suite, Workload } from "../harness/suite.ts";
import type { CompressedEcho } from "../load/compressed_echo.ts";
import { byRuntime, peerSubjects, woshouSubjects } from "./subjects.ts";

function workload(id: string, sizeTitle: string, order: CompressedEcho): Workload {
  const { connections, size } = order;
  return {
    id,
    title: `Compressed echo of ${sizeTitle}, ${connections} connections`,
    load: "compressed_echo",
    order: { ...order },
    size,
    connections,
  };
}

// Deno's own server does not compress, so there is nothing to compare woshou on Deno with.
const subjects = [
  ...woshouSubjects("servers/woshou_deflate"),
  ...peerSubjects("deflate").filter((each) => each.runtime !== "Deno"),
];

/** The suite. */
export const compressedEcho: Suite = {
  id: "deflate",
  title: "Compressed echoes",
  side: "server",
  figure: perCpuSecond("messages"),
  columns: ["per second", "cores", "payload", "peak memory"],
  subjects: byRuntime(subjects),
  workloads: [
    workload("deflate-128", "128 B", { connections: 64, depth: 1, size: 128, rows: 0 }),
    workload("deflate-1k", "1 KiB", { connections: 64, depth: 1, size: 1024, rows: 0 }),
    workload("deflate-64k", "64 KiB", { connections: 16, depth: 1, size: 65536, rows: 0 }),
    workload("deflate-128-rows", "128 B of rows", { connections: 64, depth: 1, size: 128, rows: 1 }),
    workload("deflate-1k-rows", "1 KiB of rows", { connections: 64, depth: 1, size: 1024, rows: 1 }),
    workload("deflate-64k-rows", "64 KiB of rows", { connections: 16, depth: 1, size: 65536, rows: 1 }),
  ],
  method: `\
A server sends back each JSON text that it receives, and both ways are compressed: permessage-deflate (RFC 7692) with
\`server_no_context_takeover\` and \`client_no_context_takeover\`, so that each message is compressed afresh. The load comes
from another process over plain TCP sockets on the same machine; it compresses its 32 different texts beforehand. Each
connection sends its next message when the last one was answered. The
generator checks that the extension is accepted, that every answer is one compressed text, and that it says what was sent:
the first answer to a text is inflated and compared, and the others are compared with that one, octet for octet, and
inflated where they differ. No answer may be missing at the end.

The texts are what applications send: events of a feed (128 B), an order (1 KiB), a page of orders (64 KiB); some hold names
that are not ASCII. "Rows" are records that are alike, one after the other, as an export of a table has them: they compress
much better, and so cost less.`,
  differences: `\
What is not alike:

- **How well they compress**: the payload of an answer is shown beside the size of the text, since speed can be had for
  size. \`ws\` compresses with zlib's default level (6) and window (32 KiB). \`Bun.serve\` compresses with libdeflate, at its
  level 6, what comes out at no more than 4 KiB, and the rest with zlib (\`packages/bun-uws/src/PerMessageDeflate.h\` in Bun's
  source). woshou has the defaults of \`compression: true\`:
  zlib at level 2.
- **What is set**: \`ws\` would not compress texts below 1 KiB by itself, so its \`threshold\` is 0 here. \`Bun.serve\` compresses
  what is sent with \`send(message, true)\`. woshou needs nothing besides \`compression: true\`.
- **Where they compress**: \`ws\` does it in the threads of libuv's pool, so that its server uses more than one core, and is
  faster by the clock than its figure per CPU-second suggests; the others do it where the message is received.
- **What the application gets**: \`ws\` hands over the bytes of a text, and sends the same bytes back; with woshou and
  \`Bun.serve\` the application holds a string in between.
- **Whose limit it is**: server and generator share the machine. Where a server keeps clearly less than one core busy, the
  generator or other processes were the limit of the messages per second, and a server that has to wait finds less to do in
  one turn of its event loop, which costs it some CPU for each message.

Deno's own server has no compression to compare with.`,
};
