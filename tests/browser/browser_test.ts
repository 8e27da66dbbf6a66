/** The main job: a real browser opens a WebSocket to the server, on each runtime, and its page says so. */
import assert from "node:assert/strict";
import { acceptKey } from "../../src/handshake/accept_key.ts";
import { type Cli, type Launcher, spawnCli } from "../cli/support.ts";
import { amount, runtime, skip, test } from "../harness.ts";
import { findChromium, type Page, withPage } from "./chromium.ts";
import { serverRuntimes } from "./servers.ts";

const chromium = findChromium();

const cannot = runtime !== "node"
  ? "it is driven from Node, where the servers of all runtimes are its subjects"
  : chromium === undefined
  ? "there is no Chromium; install one, or name it in CHROMIUM_PATH"
  : undefined;
for (const { name, launcher } of serverRuntimes()) {
  const reason = cannot ??
    (launcher === undefined ? `${name} is not installed in tests/runtimes` : undefined) ??
    (amount(true, name.startsWith("Node")) ? undefined : "it is driven where the suite does all of its work");
  const register = reason === undefined ? test : (title: string) => skip(title, reason);
  browserTests(register, chromium!, name, launcher!);
}

type Register = (name: string, fn: () => Promise<void>) => void;

interface Outcome {
  readonly events: string[];
  readonly code: number;
  readonly wasClean: boolean;
  readonly protocol: string;
  readonly echoes: (string | number[])[];
}

/** Opens a WebSocket in the page, sends a text and bytes once it is open, and closes it when both are back. */
async function openWebSocket(page: Page, url: string, protocols: string[] = []): Promise<Outcome> {
  return await page.evaluate(({ url, protocols }) => {
    const socket = new WebSocket(url, protocols);
    socket.binaryType = "arraybuffer";
    const events: string[] = [];
    const echoes: (string | number[])[] = [];
    socket.onopen = () => {
      events.push("open");
      socket.send("你好");
      socket.send(new Uint8Array([0, 127, 128, 255]));
    };
    socket.onmessage = ({ data }) => {
      echoes.push(typeof data === "string" ? data : [...new Uint8Array(data)]);
      if (echoes.length === 2) socket.close(1000, "done");
    };
    socket.onerror = () => events.push("error");
    return new Promise<Outcome>((resolve) => {
      socket.onclose = ({ code, wasClean }) => {
        events.push("close");
        resolve({ events, code, wasClean, protocol: socket.protocol, echoes });
      };
    });
  }, { url, protocols });
}

function pageOf(cli: Cli): string {
  return cli.url.replace(/^ws/, "http");
}

async function settled(page: Page, state: "succeeded" | "failed"): Promise<void> {
  await page.waitForSelector(`html[data-state=${state}]`);
  const [chinese, english] = state === "succeeded"
    ? ["握手成功", "handshake succeeded"]
    : ["握手失败", "handshake failed"];
  assert.equal(await page.innerText("#headline"), chinese);
  assert.equal(await page.innerText("#subline"), english);
}

async function assertRefused(page: Page, status: string, code: string): Promise<void> {
  await settled(page, "failed");
  assert.equal(await page.innerText("#refusal-status"), status);
  assert.equal(await page.innerText("#refusal-code"), code);
  assert.match(await page.innerText("#refusal-section"), /^RFC \d+, section [\d.]+$/);
  assert.ok((await page.innerText("#refusal-message")).length > 20);
}

function browserTests(test: Register, chromium: string, name: string, launcher: Launcher): void {
  test(`Chromium and ${name}: the page opens a WebSocket and shows 握手成功 and how it came about`, async () => {
    await using cli = await spawnCli([], launcher);
    await withPage(chromium, async (page) => {
      const complaints: string[] = [];
      page.on("console", (message) => complaints.push(message.text()));
      page.on("pageerror", (error) => complaints.push(error.message));
      await page.goto(pageOf(cli));
      await settled(page, "succeeded");
      assert.equal(await page.title(), "woshou");
      assert.equal(await page.isVisible("#refusal"), false);

      const request = await page.innerText("#request");
      assert.match(request, /^GET \/\?page=[0-9a-f]{32} HTTP\/1\.1\n/);
      assert.ok(request.includes(`\nHost: 127.0.0.1:${cli.port}\n`), request);
      assert.match(request, /\nUpgrade: websocket\n/);
      const key = /\nSec-WebSocket-Key: (\S+)/.exec(request)?.[1] ?? "";
      assert.equal(await page.innerText("#step-key"), key);
      assert.equal(await page.innerText("#step-guid"), "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
      assert.match(await page.innerText("#step-sha1"), /^(?:[0-9a-f]{2} ){19}[0-9a-f]{2}$/);
      assert.equal(await page.innerText("#step-accept"), acceptKey(key));
      const response = await page.innerText("#response");
      assert.match(response, /^HTTP\/1\.1 101 Switching Protocols\n/);
      assert.ok(response.includes(`\nSec-WebSocket-Accept: ${acceptKey(key)}`), response);

      await page.waitForSelector("#messages .received >> text=你好, woshou");
      await page.fill("#text", "and back");
      await page.click("#send button");
      await page.waitForSelector("#messages .received >> text=and back");
      assert.deepEqual(complaints, []);
    });
  });

  test(`Chromium and ${name}: a WebSocket of a page's own opens, and text and bytes come back`, async () => {
    await using cli = await spawnCli(["--protocol", "chat.v2", "--protocol", "chat.v1"], launcher);
    await withPage(chromium, async (page) => {
      await page.goto(pageOf(cli));
      assert.deepEqual(await openWebSocket(page, cli.url, ["chat.v1"]), {
        events: ["open", "close"],
        code: 1000,
        wasClean: true,
        protocol: "chat.v1",
        echoes: ["你好", [0, 127, 128, 255]],
      });
    });
  });

  test(`Chromium and ${name}: a refused handshake is an error event and a close with 1006`, async () => {
    await using cli = await spawnCli(["--protocol", "chat.v1"], launcher);
    await using foreign = await spawnCli([], launcher);
    await withPage(chromium, async (page) => {
      await page.goto(pageOf(foreign));
      const refused = { events: ["error", "close"], code: 1006, wasClean: false, protocol: "", echoes: [] };
      assert.deepEqual(await openWebSocket(page, cli.url), refused);
      await page.goto(pageOf(cli));
      assert.deepEqual(await openWebSocket(page, cli.url, ["tea.v1"]), refused);
      assert.deepEqual((await openWebSocket(page, cli.url)).events, ["open", "close"]);
    });
  });

  test(`Chromium and ${name}: the page tells why the server refused it`, async () => {
    await using cli = await spawnCli(["--origin", "https://elsewhere.example"], launcher);
    await withPage(chromium, async (page) => {
      await page.goto(pageOf(cli));
      await assertRefused(page, "403", "origin-not-allowed");
      assert.ok((await page.innerText("#request")).includes(`\nOrigin: http://127.0.0.1:${cli.port}`));
      assert.match(await page.innerText("#response"), /^HTTP\/1\.1 403 Forbidden\n[^]*Pages of this origin/);
      assert.equal(await page.isVisible("#accept-step"), false);
      assert.equal(await page.isVisible("#talk"), false);
    });
  });

  test(`Chromium and ${name}: the page provokes refusals, and recovers`, async () => {
    await using cli = await spawnCli(["--protocol", "chat.v1"], launcher);
    await withPage(chromium, async (page) => {
      await page.goto(pageOf(cli));
      await settled(page, "succeeded");
      await page.click("#try-origin button");
      await assertRefused(page, "403", "origin-not-allowed");
      await page.click("#try-again button");
      await settled(page, "succeeded");
      await page.click("#try-protocol button");
      await assertRefused(page, "400", "subprotocol-unsupported");
      await page.click("#try-again button");
      await settled(page, "succeeded");
      await page.click("#try-plain button");
      await assertRefused(page, "426", "not-a-websocket-request");
      await page.click("#try-again button");
      await settled(page, "succeeded");
    });
  });

  test(`Chromium and ${name}: the page tells a server that is gone, and an acceptance that was not taken`, async () => {
    await using cli = await spawnCli([], launcher);
    await withPage(chromium, async (page) => {
      await page.goto(pageOf(cli));
      await settled(page, "succeeded");
      await page.click("#try-protocol button");
      await settled(page, "failed");
      assert.match(await page.innerText("#gist"), /accepted without a subprotocol/);
      await page.click("#try-again button");
      await settled(page, "succeeded");
      cli.signal("SIGTERM");
      await page.waitForSelector("#messages .ended");
      await cli.ended;
      await page.click("#try-again button");
      await settled(page, "failed");
      assert.match(await page.innerText("#gist"), /does not answer/);
    });
  });
}
