/** A client, a proxy, and a server behind it. */
import assert from "node:assert/strict";
import { connect, type Connection, type ConnectOptions } from "../../mod.ts";
import { tls } from "../fixtures.ts";
import { skip, test } from "../harness.ts";
import { Backend, type BackendOptions } from "./backend.ts";
import type { Changes, Front, ProxyKind } from "./fronts.ts";

/** What differs from the usual. */
export interface SettingOptions {
  readonly encrypted?: boolean;
  readonly server?: BackendOptions;
  readonly open?: (socket: Connection) => void;
  readonly changes?: Changes;
}

/** One server behind one proxy. */
export class Setting implements AsyncDisposable {
  readonly backend: Backend;
  readonly front: Front;
  readonly url: string;

  private constructor(backend: Backend, front: Front, encrypted: boolean) {
    this.backend = backend;
    this.front = front;
    this.url = urlOf(front, encrypted);
  }

  static async begin(kind: ProxyKind, options: SettingOptions = {}): Promise<Setting> {
    const backend = await Backend.listen(options.server, options.open);
    try {
      const front = await kind.start({ upstreams: [backend.address], changes: options.changes ?? {} });
      return new Setting(backend, front, options.encrypted ?? false);
    } catch (error) {
      await backend[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Opens a connection, and answers both its ends, the client's first. */
  open(options?: ConnectOptions): Promise<[client: Connection, server: Connection]> {
    return Promise.all([connect(this.url, trusting(options)), this.backend.accepted()]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.front[Symbol.asyncDispose]();
    await this.backend[Symbol.asyncDispose]();
  }
}

/** Where a proxy is reached. */
export function urlOf(front: Front, encrypted: boolean): string {
  return encrypted ? `wss://127.0.0.1:${front.securePort}/` : `ws://127.0.0.1:${front.plainPort}/`;
}

/** Options that trust the certificate of the tests. */
export function trusting(options: ConnectOptions = {}): ConnectOptions {
  return { tls: { ca: tls.ca }, ...options };
}

/** Registers a test that needs this proxy. */
export function proxyTest(kind: ProxyKind, name: string, run: () => Promise<void>): void {
  const title = `${kind.name}: ${name}`;
  if (kind.program !== undefined) test(title, run);
  else skip(title, `there is no ${kind.name}; Debian's package is ${kind.name}`);
}

/** The next message of a connection. */
export async function received(socket: Connection): Promise<string | Uint8Array> {
  for await (const message of socket) return message;
  throw new assert.AssertionError({ message: "the connection ended without a message" });
}

/** Fails unless a text comes back. */
export async function assertEchoes(socket: Connection, text = "hello"): Promise<void> {
  socket.send(text);
  assert.equal(await received(socket), text);
}
