import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import {
  type ConnectArguments,
  parseCommand,
  type ServeArguments,
  UsageError,
} from "../../src/cli/arguments.ts";
import { helpText } from "../../src/cli/help.ts";
import { VERSION } from "../../src/cli/version.ts";
import { projectRoot } from "../fixtures.ts";
import { test } from "../harness.ts";

function settingsOf(...args: string[]): ServeArguments {
  const command = parseCommand(["serve", ...args]);
  assert.ok(command.kind === "serve");
  return command.settings;
}

function connectionOf(...args: string[]): ConnectArguments {
  const command = parseCommand(["connect", ...args]);
  assert.ok(command.kind === "connect");
  return command.settings;
}

test("arguments: what connect does, and every flag it reads, wherever the URL stands", () => {
  const url = "wss://example.com/chat?room=1";
  assert.deepEqual(connectionOf(url), { url, echo: false, protocols: [] });
  assert.deepEqual(
    connectionOf(
      ...["--echo", "--protocol", "chat.v2", "--protocol=chat.v1", "--max-message-size", "10", url],
      ...["--handshake-timeout", "20", "--close-timeout", "0"],
    ),
    {
      url,
      echo: true,
      protocols: ["chat.v2", "chat.v1"],
      maxMessageSize: 10,
      handshakeTimeout: 20,
      closeTimeout: 0,
    },
  );
});

test("arguments: what serve does unless it is told otherwise", () => {
  assert.deepEqual(settingsOf(), {
    host: "127.0.0.1",
    port: 8000,
    broadcast: false,
    protocols: [],
    origins: [],
    hosts: [],
    verbose: false,
  });
});

test("arguments: every flag is read, in both spellings", () => {
  const settings = settingsOf(
    ...["--port", "0", "--host=::1", "--echo", "--protocol", "chat.v2", "--protocol=chat.v1"],
    ...["--origin", "https://app.example:8443", "--origin", "https://*.example.com", "--origin", "null"],
    ...["--allow-host", "dev.example", "--allow-host", "*.example.com", "--allow-host", "[::1]"],
    ...["--max-message-size", "10", "--handshake-timeout", "20", "--close-timeout", "0", "--verbose"],
    ...["--idle-timeout", "30", "--compress", "--max-fragments", "5"],
  );
  assert.deepEqual(settings, {
    host: "::1",
    port: 0,
    broadcast: false,
    protocols: ["chat.v2", "chat.v1"],
    origins: ["https://app.example:8443", "https://*.example.com", "null"],
    hosts: ["dev.example", "*.example.com", "[::1]"],
    maxMessageSize: 10,
    maxFragments: 5,
    compression: { mode: "shared" },
    handshakeTimeout: 20,
    idleTimeout: 30,
    closeTimeout: 0,
    verbose: true,
  });
});

test("arguments: --context-takeover is a way to compress", () => {
  const compression = { mode: "context-takeover" };
  assert.deepEqual(settingsOf("--compress", "--context-takeover").compression, compression);
});

test("arguments: of a flag that holds one value, the last counts", () => {
  assert.equal(settingsOf("--port", "1", "--port", "2").port, 2);
});

test("arguments: flags may stand before the command", () => {
  assert.deepEqual(parseCommand(["--port", "1", "serve"]), parseCommand(["serve", "--port", "1"]));
});

test("arguments: help and version, wherever they stand, and help when there is nothing", () => {
  for (const args of [[], ["--help"], ["-h"], ["listen", "--help"], ["--port", "x", "--help"]]) {
    assert.deepEqual(parseCommand(args), { kind: "help", command: undefined }, args.join(" "));
  }
  for (const command of ["serve", "connect"]) {
    for (const args of [[command, "--help"], ["-h", command], [command, "--port", "x", "--help"]]) {
      assert.deepEqual(parseCommand(args), { kind: "help", command }, args.join(" "));
    }
  }
  for (const args of [["--version"], ["serve", "--version"]]) {
    assert.deepEqual(parseCommand(args), { kind: "version" });
  }
});

const WRONG: readonly (readonly [args: string, sentence: RegExp])[] = [
  ["listen", /no command "listen"/],
  ["--port 1", /after the command/],
  ["serve 8000", /"8000" belongs to no flag/],
  ["serve --prot 1", /no flag --prot\b/],
  ["serve -p 1", /no flag -p\b/],
  ["serve --constructor", /no flag --constructor/],
  ["serve --squeeze", /no flag --squeeze/],
  ["serve --compress=context-takeover", /--compress takes no value/],
  ["connect ws://a/ --context-takeover", /also needs --compress/],
  ["serve --echo --broadcast", /exclude each other/],
  ["serve --idle-timeout 1s", /from 0 to 2147483647/],
  ["connect", /needs a URL/],
  ["connect ws://a/ ws://b/", /"ws:\/\/b\/" belongs to no flag/],
  ["connect localhost", /not a WebSocket URL. It begins with ws:\/\//],
  ["connect localhost:8000", /not a WebSocket URL/],
  ["connect ftp://a/", /not a WebSocket URL/],
  ["connect ws://a/#part", /fragment/],
  ["connect ws://a/ --port 1", /no flag --port of woshou connect: it belongs to serve/],
  ["connect ws://a/ --broadcast", /belongs to serve/],
  ["connect ws://a/ --protocol a,b", /--protocol takes a name/],
  ["serve --port", /--port needs a value: --port N/],
  ["serve --host=", /--host needs a value/],
  ["serve --echo=yes", /--echo takes no value/],
  ["serve --port x", /--port takes a whole number from 0 to 65535, not "x"/],
  ["serve --port 65536", /0 to 65535/],
  ["serve --port=-1", /0 to 65535/],
  ["serve --port 1.5", /0 to 65535/],
  ["serve --port 0x50", /0 to 65535/],
  ["serve --max-message-size 0", /of at least 1/],
  ["serve --max-message-size 1e3", /of at least 1/],
  ["connect ws://a/ --max-fragments 0", /of at least 1/],
  ["serve --handshake-timeout 0", /from 1 to 2147483647/],
  ["serve --close-timeout 2147483648", /from 0 to 2147483647/],
  ["serve --protocol a,b", /--protocol takes a name/],
  ["serve --origin app.example", /--origin takes a scheme/],
  ["serve --origin https://app.example/", /--origin takes a scheme/],
  ["serve --allow-host http://dev.example", /--allow-host takes a host name/],
  ["serve --allow-host dev.example:80", /--allow-host takes a host name/],
];

test("arguments: what cannot be understood is answered with a sentence", () => {
  for (const [args, sentence] of WRONG) {
    assert.throws(
      () => parseCommand(args.split(" ")),
      (error) => {
        assert.ok(error instanceof UsageError, args);
        assert.match(error.message, sentence, args);
        assert.match(error.message, /\.$/, args);
        return true;
      },
      args,
    );
  }
});

test("arguments: the help of each command names its flags, no others, and fits a terminal", () => {
  const own = {
    serve: ["port", "host", "broadcast", "origin", "allow-host", "idle-timeout", "verbose"],
    connect: [],
  };
  const shared = [
    "echo",
    "protocol",
    "compress",
    "context-takeover",
    "max-message-size",
    "max-fragments",
    "handshake-timeout",
    "close-timeout",
    "help",
    "version",
  ];
  for (const command of ["serve", "connect"] as const) {
    const help = helpText(command);
    const named = [...help.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, name]) => name!);
    assert.deepEqual(named.sort(), [...own[command], ...shared].sort());
    assert.ok(help.includes(`Usage: woshou ${command} `));
    for (const line of help.split("\n")) assert.ok(line.length <= 80, line);
  }
  const help = helpText();
  for (const text of ["Usage: woshou serve ", "Usage: woshou connect URL ", "  --help ", "  --version "]) {
    assert.ok(help.includes(text), text);
  }
  for (const line of help.split("\n")) assert.ok(line.length <= 80, line);
});

test("arguments: the version is the package's", () => {
  for (const manifest of ["package.json", "deno.json"]) {
    assert.equal(JSON.parse(readFileSync(join(projectRoot, manifest), "utf8")).version, VERSION);
  }
});
