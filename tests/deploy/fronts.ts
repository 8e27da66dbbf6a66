/** The published configurations, loaded by a proxy of their own on free ports of this machine. */
import { connect, createServer } from "node:net";
import { once } from "node:events";
import { join } from "node:path";
import process from "node:process";
import { tls } from "../fixtures.ts";
import { findProxy, Folder, type ProxyName, ProxyProcess, StartError } from "./proxy_process.ts";
import { type Change, published } from "./published.ts";

/** The files that a test may change: the sites, nginx's snippet for a location, and what is not in conf.d. */
export type Changes = Partial<Record<"site" | "snippet" | "main", readonly Change[]>>;

/** A proxy's backend, and changes to the published configuration. */
export interface FrontOptions {
  /** The servers, at most two: `127.0.0.1:8000`, or the path of a Unix socket. */
  readonly upstreams: readonly string[];
  /** How they are reached; each has a published file. */
  readonly by?: "tcp" | "unix-socket" | "tls" | "http2";
  readonly changes?: Changes;
  /** As whom the proxy reaches the servers, where the tests are root and may choose; by default as root too. */
  readonly user?: string;
  /** The folder that is HAProxy's root, where the tests are root. */
  readonly chroot?: string;
}

/** A running proxy. */
export interface Front extends AsyncDisposable {
  /** Where it speaks without TLS. */
  readonly plainPort: number;
  /** Where it speaks TLS. */
  readonly securePort: number;
  readonly process: ProxyProcess;
  /** Loads other configurations, as an operator would; resolves when nothing new goes the old way. */
  reload(options: FrontOptions): Promise<void>;
}

/** One of the proxies, and the values in its configuration that tests shorten. */
export interface ProxyKind {
  readonly name: ProxyName;
  readonly program: string | undefined;
  start(options: FrontOptions): Promise<Front>;
  /** After so much silence connections are cut. */
  silence(span: string): Changes;
  /** A request's head may take so long. */
  slowHead(span: string): Changes;
  /** This many connections may come from one address. */
  connectionsPerAddress(count: number): Changes;
  /** For so long old connections survive a reload. */
  afterReload(span: string): Changes;
  /** What it answers while no server can be reached. */
  readonly statusWhenDown: number;
}

interface Ports {
  readonly plain: number;
  readonly secure: number;
}

/** Whether the tests may choose users for others. */
export function isRoot(): boolean {
  return process.getuid?.() === 0;
}

/** Writes the files that the proxy reads. */
type Write = (folder: Folder, ports: Ports, options: FrontOptions) => void;

// Below those that the system gives out, so that a port which is free now is not given to another test.
const [FIRST_PORT, PORTS] = [10_000, 20_000];
const ATTEMPTS = 5;

/** Ports of a proxy, as long as the claim on them is held. */
interface Claim extends AsyncDisposable {
  readonly ports: Ports;
}

/**
 * HAProxy gets a port that another HAProxy has, and then each has a part of its connections. So a proxy has two ports in a row,
 * and the test listens on the one behind them meanwhile: no other test can, on whichever runtime.
 */
async function claimPorts(): Promise<Claim> {
  for (;;) {
    const plain = FIRST_PORT + 3 * Math.floor(Math.random() * PORTS / 3);
    const holder = createServer();
    holder.listen(plain + 2, "127.0.0.1");
    const free = await once(holder, "listening").then(() => true, () => false);
    if (!free) continue;
    return {
      ports: { plain, secure: plain + 1 },
      [Symbol.asyncDispose]: async () => {
        holder.close();
        await once(holder, "close");
      },
    };
  }
}

async function startOnFreePorts(
  begin: (folder: Folder, ports: Ports) => Promise<ProxyProcess>,
): Promise<{ folder: Folder; claim: Claim; process: ProxyProcess }> {
  for (let attempt = 1;; attempt++) {
    const folder = new Folder();
    const claim = await claimPorts();
    try {
      return { folder, claim, process: await begin(folder, claim.ports) };
    } catch (error) {
      folder[Symbol.dispose]();
      await claim[Symbol.asyncDispose]();
      const taken = error instanceof StartError && error.message.includes("in use");
      if (!taken || attempt === ATTEMPTS) throw error;
    }
  }
}

async function startFront(
  options: FrontOptions,
  write: Write,
  begin: (folder: Folder) => Promise<ProxyProcess>,
  reload: (process: ProxyProcess, folder: Folder, times: number) => Promise<void>,
): Promise<Front> {
  const { folder, claim, process } = await startOnFreePorts((folder, ports) => {
    write(folder, ports, options);
    return begin(folder);
  });
  const { ports } = claim;
  let reloads = 0;
  return {
    plainPort: ports.plain,
    securePort: ports.secure,
    process,
    reload: async (options) => {
      write(folder, ports, options);
      await reload(process, folder, ++reloads);
    },
    [Symbol.asyncDispose]: async () => {
      await process[Symbol.asyncDispose]();
      await claim[Symbol.asyncDispose]();
      folder[Symbol.dispose]();
    },
  };
}

// Only for tests: nothing outside its folder, and all events in the log.
const NGINX_MAIN = `daemon off;
pid nginx.pid;
error_log stderr notice;
include main.conf;
http {
    access_log off;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include conf.d/*.conf;
}
`;
const NGINX_WORKERS = 2;
const NGINX_SERVERS = "    server 127.0.0.1:8000 max_fails=0;\n    server 127.0.0.1:8001 max_fails=0;\n";

const writeNginx: Write = (
  folder,
  { plain, secure },
  { upstreams, by = "tcp", changes = {}, user = "root" },
) => {
  const chain = folder.write("fullchain.pem", tls.cert);
  const key = folder.write("privkey.pem", tls.key);
  const ca = folder.write("ca.pem", tls.ca);
  const lines = (prefix: string): string =>
    upstreams.map((each) => `    server ${prefix}${each} max_fails=0;\n`).join("");
  folder.write("nginx.conf", (isRoot() ? `user ${user} root;\n` : "") + NGINX_MAIN);
  folder.write(
    "main.conf",
    published("nginx/main.conf", [
      ["worker_processes auto;", `worker_processes ${NGINX_WORKERS};`],
      ["65536", "1024"],
      ["32768", "512"],
      ...changes.main ?? [],
    ]),
  );
  folder.write(
    "conf.d/woshou.conf",
    published("nginx/woshou.conf", [
      by === "unix-socket"
        ? [
          /^upstream woshou \{[^}]*\}\n/m,
          published("nginx/unix-socket.conf", [
            [/^ *server unix:.*\n *server unix:.*\n/m, lines("unix:")],
          ]),
        ]
        : [NGINX_SERVERS, lines("")],
      ["listen 80;", `listen 127.0.0.1:${plain};`],
      ["listen 443 ssl", `listen 127.0.0.1:${secure} ssl`],
      ["/etc/ssl/app.example/fullchain.pem", chain],
      ["/etc/ssl/app.example/privkey.pem", key],
      ["app.example", "127.0.0.1"],
      ...changes.site ?? [],
    ]),
  );
  folder.write(
    "snippets/woshou.conf",
    published("nginx/snippets/woshou.conf", [
      ...by === "tls"
        ? [
          [
            "proxy_pass http://woshou;",
            published("nginx/tls-upstream.conf", [
              ["/etc/ssl/woshou-ca.pem", ca],
              ["app.example", "localhost"],
            ]),
          ] as const,
        ]
        : [],
      ...changes.snippet ?? [],
    ]),
  );
};

const HAPROXY_GLOBAL = `global
    log stderr format raw local0
    maxconn 200
`;
const HAPROXY_SERVERS = "    server first 127.0.0.1:8000\n    server second 127.0.0.1:8001\n";
const NAMES = ["first", "second"];

const writeHaproxy: Write = (folder, { plain, secure }, options) => {
  const { upstreams, by = "tcp", changes = {}, user = "root", chroot } = options;
  const pem = folder.write("chain_and_key.pem", tls.cert + tls.key);
  const ca = folder.write("ca.pem", tls.ca);
  const lines = (prefix: string): string =>
    upstreams.map((each, index) => `    server ${NAMES[index]} ${prefix}${each}\n`).join("");
  const servers = by === "unix-socket"
    ? published("haproxy/unix-socket.cfg", [[/^ *server first.*\n *server second.*\n/m, lines("unix@")]])
    : by === "tls"
    ? published("haproxy/tls-backend.cfg", [
      [/^ *server first.*\n *server second.*\n/m, lines("")],
      ["/etc/haproxy/woshou-ca.pem", ca],
      ["app.example", "localhost"],
    ])
    : by === "http2"
    ? published("haproxy/http2-backend.cfg", [[/^ *server first.*\n *server second.*\n/m, lines("")]])
    : lines("");
  folder.write(
    "global.cfg",
    HAPROXY_GLOBAL + (isRoot() ? `    user ${user}\n` : "") +
      (chroot === undefined ? "" : `    chroot ${chroot}\n`),
  );
  folder.write(
    "woshou.cfg",
    published("haproxy/woshou.cfg", [
      [HAPROXY_SERVERS, servers],
      ["bind :80\n", `bind 127.0.0.1:${plain}\n`],
      ["bind :443 ", `bind 127.0.0.1:${secure} `],
      ["/etc/haproxy/app.example.pem", pem],
      ["app.example", "127.0.0.1"],
      ...changes.site ?? [],
    ]),
  );
};

const nginxProgram = findProxy("nginx");

/** nginx. */
export const nginx: ProxyKind = {
  name: "nginx",
  program: nginxProgram,
  start: (options) =>
    startFront(
      options,
      writeNginx,
      ({ path }) =>
        ProxyProcess.start(
          nginxProgram!,
          ["-p", `${path}/`, "-c", join(path, "nginx.conf"), "-e", "stderr"],
          /start worker process \d/,
        ),
      async (process, _, times) => {
        process.signal("SIGHUP");
        await process.until(/start worker process \d/, NGINX_WORKERS * (times + 1));
        await process.until(/gracefully shutting down/, NGINX_WORKERS * times);
      },
    ),
  silence: (span) => ({ snippet: [["proxy_read_timeout 60s", `proxy_read_timeout ${span}`]] }),
  slowHead: (span) => ({ site: [["client_header_timeout 10s", `client_header_timeout ${span}`]] }),
  connectionsPerAddress: (count) => ({ snippet: [["woshou_clients 100", `woshou_clients ${count}`]] }),
  afterReload: (span) => ({ main: [["worker_shutdown_timeout 30m", `worker_shutdown_timeout ${span}`]] }),
  statusWhenDown: 502,
};

function masterSocket(path: string): string {
  return join(path, "master.sock");
}

/** Waits until HAProxy's master process answers: it replaces itself when it has started, and signals are lost then. */
async function masterAttends(process: ProxyProcess, path: string): Promise<void> {
  while (!await masterAnswers(path)) {
    if (process.over) throw new Error(`HAProxy has ended: ${process.log}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

function masterAnswers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(masterSocket(path), () => socket.end("show version\n"));
    let answered = false;
    socket.on("data", () => (answered = true));
    socket.on("error", () => {});
    socket.on("close", () => resolve(answered));
  });
}

const haproxyProgram = findProxy("haproxy");

/** HAProxy. */
export const haproxy: ProxyKind = {
  name: "haproxy",
  program: haproxyProgram,
  start: (options) =>
    startFront(
      options,
      writeHaproxy,
      async ({ path }) => {
        const files = ["global.cfg", "woshou.cfg"].flatMap((each) => ["-f", join(path, each)]);
        const args = ["-W", "-S", masterSocket(path), ...files];
        const process = await ProxyProcess.start(haproxyProgram!, args, /Loading success/);
        await masterAttends(process, path);
        return process;
      },
      async (process, { path }, times) => {
        process.signal("SIGUSR2");
        await process.until(/Loading success/, times + 1);
        await process.until(/Proxy woshou stopped/, times);
        await masterAttends(process, path);
      },
    ),
  silence: (span) => ({ site: [["timeout tunnel 60s", `timeout tunnel ${span}`]] }),
  slowHead: (span) => ({ site: [["timeout http-request 10s", `timeout http-request ${span}`]] }),
  connectionsPerAddress: (count) => ({ site: [["sc0_conn_cur gt 100", `sc0_conn_cur gt ${count}`]] }),
  afterReload: (span) => ({ site: [["hard-stop-after 30m", `hard-stop-after ${span}`]] }),
  statusWhenDown: 503,
};
