/** Wrong configurations: what the user sees must be what docs/deploy/README.md says. */
import assert from "node:assert/strict";
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { connect, type ConnectOptions, type HandshakeError, type RefusalCode } from "../../mod.ts";
import { failure } from "../client/support.ts";
import { ConnectProxy } from "../client/connect_proxy.ts";
import { Backend, type BackendOptions } from "./backend.ts";
import type { Changes, Front, FrontOptions, ProxyKind } from "./fronts.ts";
import { Folder } from "./proxy_process.ts";
import { assertDocumented } from "./published.ts";
import { assertEchoes, proxyTest, Setting, trusting, urlOf } from "./setting.ts";

/** One mistake, and what comes of it. */
export interface Mistake {
  /** Its heading in docs/deploy/README.md. */
  readonly heading: string;
  /** What is wrong in the proxy's configuration, given the server's address. */
  readonly changes?: (address: string) => Changes;
  /** Where the proxy looks for the server, if it is somewhere else. */
  readonly upstreams?: readonly string[];
  readonly by?: FrontOptions["by"];
  readonly server?: BackendOptions;
  /** How the client connects: by default as a page of the same host and port would, and to the plain port. */
  readonly client?: ConnectOptions;
  readonly url?: (front: Front) => string;
  /** Waited for before the client connects. */
  readonly log?: RegExp;
  /** What the client learns. */
  readonly step?: HandshakeError["step"];
  readonly reason?: string;
  readonly status?: number;
  /** What the server said, if it came to that. */
  readonly refusal?: RefusalCode;
}

/** Registers the test of a mistake. */
export function mistake(kind: ProxyKind, what: Mistake): void {
  const { step = "response", reason = "unexpected-status", status, refusal } = what;
  proxyTest(kind, documented(what.heading), async () => {
    await using backend = await Backend.listen(what.server);
    await using front = await kind.start({
      upstreams: what.upstreams ?? [backend.address],
      by: what.by ?? "tcp",
      changes: what.changes?.(backend.address) ?? {},
    });
    if (what.log !== undefined) await front.process.until(what.log);
    const url = what.url?.(front) ?? urlOf(front, false);
    const origin = url.replace("ws", "http").slice(0, -1);
    const error = await failure(url, trusting({ headers: { origin }, ...what.client }));
    assert.deepEqual([error.step, error.reason, error.status], [step, reason, status], error.message);
    assertDocumented(what.heading, asDocumented(error.message));
    const codes = [...new Set(backend.refusals.map(({ code }) => code))];
    assert.deepEqual(codes, refusal === undefined ? [] : [refusal]);
    if (refusal !== undefined) assertDocumented(what.heading, refusal);
  });
}

/** Registers the tests of those mistakes that are none of one proxy alone. */
export function commonMistakes(kind: ProxyKind): void {
  const status = kind.statusWhenDown;
  mistake(kind, { heading: "The server does not run", upstreams: ["127.0.0.1:1"], status });
  mistake(kind, {
    heading: "wss: to the port for ws:",
    url: ({ plainPort }) => `wss://127.0.0.1:${plainPort}/`,
    step: "connect",
    reason: "tls-failed",
  });

  const hosts = "The server answers only for loopback names";
  proxyTest(kind, documented(hosts), async () => {
    await using wrong = await Setting.begin(kind);
    await using right = await Setting.begin(kind, {
      server: { hosts: ["app.example"] },
      // As it was published.
      changes: kind.name === "haproxy" ? { site: [["hdr Host 127.0.0.1", "hdr Host app.example"]] } : {},
    });
    const fronts = [wrong.front, right.front];
    // A way to call the proxy by the name that it has in the world.
    await using world = await ConnectProxy.listen((head) =>
      fronts[Number(head.split(/[:\s]/)[2])]!.plainPort
    );
    const proxy = `http://127.0.0.1:${world.port}`;
    const error = await failure("ws://app.example:0/", { proxy });
    assert.equal(error.status, 421);
    assertDocumented(hosts, error.message);
    const url = "ws://app.example:1/";
    const socket = await connect(url, { proxy, headers: { origin: "http://app.example:1" } });
    await assertEchoes(socket);
    await socket.close();
  });

  const rights = "A Unix socket that the proxy may not write to";
  proxyTest(kind, documented(rights), async () => {
    using folder = new Folder();
    const path = join(folder.path, "server.sock");
    await using backend = await Backend.listen({ unix: path });
    chmodSync(path, 0);
    await using front = await kind.start({ upstreams: [path], by: "unix-socket", user: "nobody" });
    const error = await failure(urlOf(front, false));
    assert.equal(error.status, status);
    assertDocumented(rights, error.message);
    assert.deepEqual(backend.refusals, []);
  });
}

/** The name of a mistake's test. */
export function documented(heading: string): string {
  return `what the user sees is documented: ${heading}`;
}

/** A message as the document says it, where the proxy is app.example and not some port of this machine. */
export function asDocumented(message: string): string {
  return message.replaceAll(/127\.0\.0\.1(?::\d+)?/g, "app.example");
}
