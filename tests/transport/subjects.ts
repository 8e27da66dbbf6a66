/** Every way to make connected transports on this runtime. */
import { createServer as createHttpServer } from "node:http";
import { connect as connectHttp2, createServer as createHttp2Server } from "node:http2";
import { type AddressInfo, connect as connectTcp, createServer, type Socket } from "node:net";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { runtime } from "../harness.ts";
import { tls } from "../fixtures.ts";
import { denoFaults, denoNetFaults, denoTlsFaults, http2Faults } from "./faults.ts";
import { DuplexTransport } from "../../src/transport/duplex.ts";
import { memoryPair } from "../../src/transport/memory.ts";
import { nodeAdapter } from "../../src/transport/node.ts";
import { adapter } from "../../src/transport/detect.ts";
import type { Adapter, ConnectOptions, ListenOptions, Transport } from "../../src/transport/transport.ts";
import type { Ends, Subject } from "./support.ts";

/** An adapter under test. */
export interface NamedAdapter {
  name: string;
  /** Whether it is the adapter for Node, on whichever runtime. */
  isNode: boolean;
  /** Why there is none on this runtime. */
  missing?: string | undefined;
  /** Cases that it cannot pass, and whose fault that is. */
  faults?: Readonly<Record<string, string>>;
  load(): Promise<Adapter>;
}

/** The runtime's own adapter, and the one for Node, which keeps the contract on every runtime. */
export const adapters: NamedAdapter[] = [
  { name: "the runtime's adapter", isNode: runtime === "node", faults: denoFaults, load: adapter },
  {
    name: "the adapter for Node elsewhere",
    isNode: true,
    missing: runtime === "node" ? "on Node it is the runtime's own" : undefined,
    faults: denoTlsFaults,
    load: () => Promise.resolve(nodeAdapter),
  },
];

type Where = { hostname: string; port: number } | { path: string };

async function connected(
  adapter: Adapter,
  where: Where,
  secure: boolean,
  options: { highWaterMark?: number },
): Promise<Ends> {
  let accepted!: (transport: Transport) => void;
  const accepting = new Promise<Transport>((resolve) => accepted = resolve);
  const listening: ListenOptions = { ...where, ...options, accept: accepted };
  if (secure) listening.tls = { cert: tls.cert, key: tls.key };
  const listener = await adapter.listen(listening);
  const dialling: ConnectOptions = "path" in where
    ? { ...where, ...options }
    : { hostname: where.hostname, port: listener.port, ...options };
  if (secure) dialling.tls = { ca: tls.ca };
  const client = await adapter.connect(dialling);
  return { client, server: await accepting, close: () => listener.close() };
}

function overTcp({ name, load, isNode, missing }: NamedAdapter): Subject {
  return {
    name: `${name}, TCP`,
    encrypted: false,
    missing,
    faults: isNode ? denoNetFaults : {},
    open: async (options) =>
      await connected(await load(), { hostname: "127.0.0.1", port: 0 }, false, options),
  };
}

function overTls({ name, load, isNode, missing }: NamedAdapter): Subject {
  return {
    name: `${name}, TLS`,
    encrypted: true,
    missing,
    faults: isNode ? denoTlsFaults : {},
    open: async (options) => await connected(await load(), { hostname: "127.0.0.1", port: 0 }, true, options),
  };
}

function overUnixSocket({ name, load, missing }: NamedAdapter): Subject {
  return {
    name: `${name}, Unix socket`,
    encrypted: false,
    missing,
    open: async (options) => {
      const folder = mkdtempSync(join(tmpdir(), "woshou-"));
      const ends = await connected(await load(), { path: join(folder, "socket") }, false, options);
      return {
        ...ends,
        close: async () => {
          await ends.close();
          rmSync(folder, { recursive: true });
        },
      };
    },
  };
}

const memory: Subject = {
  name: "memory",
  encrypted: false,
  open: (options) => {
    const [client, server] = memoryPair(options);
    return Promise.resolve({ client, server, close: () => Promise.resolve() });
  },
};

/** Plain sockets, as foreign code makes them: they would end with their peer. */
const duplexOverNet: Subject = {
  name: "duplex over node:net",
  faults: denoNetFaults,
  encrypted: false,
  open: async (options) => {
    const server = createServer();
    const accepting = new Promise<Socket>((resolve) => server.once("connection", resolve));
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const socket = connectTcp((server.address() as AddressInfo).port, "127.0.0.1");
    await new Promise<void>((resolve) => socket.once("connect", resolve));
    return {
      client: new DuplexTransport(socket, options),
      server: new DuplexTransport(await accepting, options),
      close: () => new Promise((resolve) => server.close(() => resolve())),
    };
  },
};

/** A request that asks for an upgrade. */
export const REQUEST: string =
  "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n";
/** The response that grants it. */
export const RESPONSE: string =
  "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: test\r\n\r\n";

const duplexOverUpgrade: Subject = {
  name: "duplex over an upgraded node:http socket",
  encrypted: false,
  open: async (options) => {
    const server = createHttpServer();
    const upgrading = new Promise<Transport>((resolve) => {
      server.once("upgrade", (_request, socket, head) => {
        socket.write(RESPONSE);
        resolve(new DuplexTransport(socket, { ...options, head }));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const socket = connectTcp((server.address() as AddressInfo).port, "127.0.0.1");
    socket.write(REQUEST);
    await new Promise<void>((resolve) => {
      let response = "";
      const onData = (chunk: Uint8Array): void => {
        response += new TextDecoder().decode(chunk);
        if (!response.endsWith("\r\n\r\n")) return;
        socket.off("data", onData);
        resolve();
      };
      socket.on("data", onData);
    });
    return {
      client: new DuplexTransport(socket, options),
      server: await upgrading,
      close: () => new Promise((resolve) => server.close(() => resolve())),
    };
  },
};

const duplexOverHttp2: Subject = {
  name: "duplex over an HTTP/2 stream",
  faults: http2Faults,
  encrypted: false,
  open: async (options) => {
    const server = createHttp2Server();
    const streaming = new Promise<Transport>((resolve) => {
      server.once("stream", (stream) => {
        stream.respond({ ":status": 200 });
        resolve(new DuplexTransport(stream, options));
      });
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const session = connectHttp2(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const stream = session.request({ ":method": "POST" }, { endStream: false });
    await new Promise<void>((resolve) => stream.once("response", () => resolve()));
    return {
      client: new DuplexTransport(stream, options),
      server: await streaming,
      close: () => {
        session.destroy();
        return new Promise((resolve) => server.close(() => resolve()));
      },
    };
  },
};

/** Whether this system has Unix sockets that all three runtimes can use. */
export const hasUnixSockets: boolean = tmpdir().startsWith("/");

/** Everything that makes pairs. */
export const subjects: Subject[] = [
  ...adapters.flatMap((
    one,
  ) => [overTcp(one), overTls(one), ...(hasUnixSockets ? [overUnixSocket(one)] : [])]),
  duplexOverNet,
  duplexOverUpgrade,
  duplexOverHttp2,
  memory,
];
