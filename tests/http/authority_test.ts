import assert from "node:assert/strict";
import { test } from "../harness.ts";
import {
  type Authority,
  isLoopbackHost,
  isSameHost,
  matchesHost,
  matchesOrigin,
  parseAuthority,
} from "../../src/http/authority.ts";

function authority(text: string): Authority {
  const parsed = parseAuthority(text);
  assert.ok(parsed !== undefined, text);
  return parsed;
}

test("RFC 9110, section 4.2: a host and a port are told apart and put into lower case", () => {
  const rows: [string, string, string][] = [
    ["localhost", "localhost", ""],
    ["localhost:8080", "localhost", "8080"],
    ["localhost:", "localhost", ""],
    ["LocalHost:80", "localhost", "80"],
    ["EXAMPLE.com.", "example.com.", ""],
    ["127.0.0.1:1", "127.0.0.1", "1"],
    ["a-b_c~d.e:0", "a-b_c~d.e", "0"],
    ["a.example:65535", "a.example", "65535"],
    ["xn--bcher-kva.example", "xn--bcher-kva.example", ""],
    ["a%20b", "a%20b", ""],
    ["a!$&'()*+;=b", "a!$&'()*+;=b", ""],
    ["[::1]", "[::1]", ""],
    ["[::]", "[::]", ""],
    ["[2001:DB8::FF]:443", "[2001:db8::ff]", "443"],
    ["[::ffff:192.0.2.1]:", "[::ffff:192.0.2.1]", ""],
  ];
  for (const [text, host, port] of rows) assert.deepEqual(parseAuthority(text), { host, port }, text);
});

test("RFC 3986, section 3.2: what is no host with an optional port has no authority", () => {
  for (
    const text of [
      "",
      ":",
      ":80",
      " ",
      "local host",
      "localhost ",
      "user@localhost",
      "user:password@localhost",
      "localhost/",
      "localhost?",
      "localhost#a",
      "localhost\\a",
      "a,b",
      "localhost, localhost",
      "localhost:80, localhost:80",
      "localhost:http",
      "localhost:80x",
      "localhost:x80",
      "localhost:-1",
      "localhost:+80",
      "localhost:8 0",
      "localhost:65536",
      "localhost:99999",
      "localhost:100000",
      "localhost:0x50",
      "localhost:80:80",
      "localhost::80",
      "localhost:/",
      "localhost:\u0668\u0660",
      "::1",
      "[",
      "]",
      "[]",
      "[:]",
      "[::1",
      "::1]",
      "[::1]x",
      "[::1]80",
      "[::1]:x",
      "[::1]]",
      "[[::1]]",
      "[::g]",
      "[::1%25eth0]",
      "[::1 ]",
      "[v1.a]",
      "[::1/]",
      "a[::1]",
      "h\u00e9llo",
      "\u212a.example",
      "a\x00b",
      "a\tb",
      "a\x7f",
      'a"b',
      "<a>",
      "{a}",
      "a^b",
      "a`b",
      "a|b",
      "http://localhost",
    ]
  ) {
    assert.equal(parseAuthority(text), undefined, JSON.stringify(text));
  }
});

test("RFC 3986, section 3.2.2: of all bytes a name holds unreserved, sub-delims but the comma, and %", () => {
  const allowed = /[A-Za-z0-9\-._~!$&'()*+;=]/;
  for (let code = 0; code < 0x100; code++) {
    const character = String.fromCharCode(code);
    if (character === ":" || character === "%") continue;
    assert.equal(parseAuthority(`a${character}b`) !== undefined, allowed.test(character), `code ${code}`);
  }
});

test("RFC 3986, section 3.2.3: a port is digits alone, whatever stands next to them in ASCII", () => {
  for (let code = 0; code < 0x100; code++) {
    const character = String.fromCharCode(code);
    const isDigit = character >= "0" && character <= "9";
    assert.equal(parseAuthority(`a:1${character}`) !== undefined, isDigit, `code ${code}`);
  }
});

test("RFC 3986, section 2.1: in a name a percent sign stands before two hexadecimal digits", () => {
  for (const host of ["%20", "a%e6%8f%a1b", "%41%5A%7e"]) {
    assert.equal(parseAuthority(host)?.host, host.toLowerCase());
  }
  for (
    const host of ["%", "a%", "a%4", "%4", "%zz", "%4g", "%g4", "%%20", "a%2:80", "%-1", "%\u0661\u0661"]
  ) {
    assert.equal(parseAuthority(host), undefined, host);
  }
});

test("RFC 3986, section 3.2.2: in brackets are hexadecimal digits, colons and dots alone", () => {
  for (let code = 0; code < 0x100; code++) {
    const character = String.fromCharCode(code);
    if (/[0-9A-Fa-f]/.test(character)) {
      assert.equal(parseAuthority(`[::${character}]`)?.host, `[::${character.toLowerCase()}]`);
    } else if (!/[:.]/.test(character)) {
      assert.equal(parseAuthority(`[::${character}1]`), undefined, `code ${code}`);
      assert.equal(parseAuthority(`[${character}::1]`), undefined, `code ${code}`);
      assert.equal(parseAuthority(`[::1${character}]`), undefined, `code ${code}`);
    }
  }
});

test("RFC 3986, section 3.2.2: an IPv6 address has eight groups, or :: for some of them", () => {
  const full = "1:2:3:4:5:6:7:8";
  const good = [
    full,
    "::",
    "::1",
    "1::",
    "1::8",
    "1:2:3:4:5:6:7::",
    "::ffff:127.0.0.1",
    "1:2:3:4:5:6:127.0.0.1",
    "fe80::A",
  ];
  for (const address of good) {
    assert.equal(parseAuthority(`[${address}]:80`)?.host, `[${address.toLowerCase()}]`);
  }
  const bad = [
    "",
    ":",
    ":::",
    "1",
    "....",
    "127.0.0.1",
    "1:2:3:4:5:6:7",
    `${full}:9`,
    `${full}::`,
    "1::2::3",
    "12345::",
    "1:2:3:4:5:6:7:127.0.0.1",
    "::127.0.0.256",
    "::127.0.0",
    "::1.2.3.4:5",
    "::0127.0.0.1",
  ];
  for (const address of bad) assert.equal(parseAuthority(`[${address}]`), undefined, address);
  assert.equal(parseAuthority("[::1"), undefined);
});

test("RFC 3986, section 3.2.3: leading zeros of a port say nothing", () => {
  assert.deepEqual(parseAuthority("a:000080"), { host: "a", port: "80" });
  assert.deepEqual(parseAuthority("a:0"), { host: "a", port: "0" });
  assert.equal(parseAuthority("a:065536"), undefined);
});

test("RFC 6761, section 6.3: loopback names and addresses", () => {
  for (
    const host of [
      "localhost",
      "app.localhost",
      "a.b.localhost",
      "127.0.0.1",
      "127.0.0.0",
      "127.1.2.3",
      "127.255.255.255",
      "[::1]",
    ]
  ) {
    assert.ok(isLoopbackHost(host), host);
  }
});

test("CVE-2025-66414: what only resembles a loopback name is none", () => {
  for (
    const host of [
      "",
      "localhost.evil.example",
      "a.localhost.evil.example",
      "evil-localhost",
      "xlocalhost",
      "localhostx",
      "127.0.0.1.evil.example",
      "127.0.0",
      "127.0.0.1.1",
      "127.1",
      "127",
      "127.0.0.",
      "127...1",
      "127.0.0.256",
      "127.0.0.a",
      "127.0.0.1a",
      "127.0.0.-1",
      "128.0.0.1",
      "0127.0.0.1",
      "0.0.0.0",
      "10.127.0.1",
      "192.168.0.1",
      "[::]",
      "[::2]",
      "[::11]",
      "[::1",
      "rebind.evil.example",
    ]
  ) {
    assert.equal(isLoopbackHost(host), false, host);
  }
});

test("CVE-2022-42975: a wildcard stands for whole labels, one or more, and never for none", () => {
  const patterns = ["other.example", "*.Example.COM"];
  for (const host of ["other.example", "a.example.com", "a.b.example.com"]) {
    assert.ok(matchesHost(host, patterns), host);
  }
  for (
    const host of [
      "example.com",
      ".example.com",
      "evil-example.com",
      "evilexample.com",
      "a.example.com.evil.example",
      "a.example.comx",
      "a.other.example",
      "xother.example",
      "",
    ]
  ) {
    assert.equal(matchesHost(host, patterns), false, host);
  }
  assert.equal(matchesHost("example.com", []), false);
  assert.equal(matchesHost("a.example", ["*"]), false, "a star alone is no pattern");
  assert.equal(matchesHost("a.example", ["*example"]), false, "a star stands for labels only");
  assert.ok(matchesHost("exact.example", ["EXACT.example"]));
});

test("RFC 6455, section 10.2: an origin is the same host when host and port agree", () => {
  const rows: [string, string][] = [
    ["http://localhost", "localhost"],
    ["http://localhost:80", "localhost"],
    ["http://localhost", "localhost:80"],
    ["http://localhost:", "localhost"],
    ["http://localhost:8080", "localhost:8080"],
    ["HTTP://LOCALHOST:8080", "localhost:8080"],
    ["https://app.example", "app.example"],
    ["https://app.example", "app.example:443"],
    ["https://app.example:443", "app.example"],
    ["https://app.example:8443", "app.example:8443"],
    ["ws://app.example", "app.example:80"],
    ["wss://app.example", "app.example:443"],
    ["http://[::1]:3000", "[::1]:3000"],
    ["http://127.0.0.1", "127.0.0.1"],
    ["x://localhost:80", "localhost:80"],
  ];
  for (const [origin, host] of rows) assert.ok(isSameHost(origin, authority(host)), `${origin} ${host}`);
});

test("CVE-2018-14732, CVE-2025-30360, CVE-2025-24010: any other origin is not the same host", () => {
  const rows: [string, string][] = [
    ["http://evil.example", "localhost"],
    ["http://localhost.evil.example", "localhost"],
    ["http://evil-localhost", "localhost"],
    ["http://sub.localhost", "localhost"],
    ["http://203.0.113.7", "localhost"],
    ["http://127.0.0.1", "localhost"],
    ["http://[::1]", "localhost"],
    ["http://localhost:8080", "localhost"],
    ["http://localhost", "localhost:8080"],
    ["http://localhost:8080", "localhost:8081"],
    ["https://localhost", "localhost:80"],
    ["http://localhost", "localhost:443"],
    ["chrome-extension://localhost", "localhost:80"],
    ["tauri://localhost", "localhost"],
    ["http://localhost/", "localhost"],
    ["http://localhost@evil.example", "localhost"],
    ["http://evil.example@localhost", "localhost"],
    ["http://localhost evil", "localhost"],
    ["http://localhost, http://localhost", "localhost"],
    ["http:localhost", "localhost"],
    ["http:/localhost", "localhost"],
    ["://localhost", "localhost"],
    ["localhost", "localhost"],
    ["", "localhost"],
    ["http://", "localhost"],
    ["file://", "localhost"],
    ["http://loca\u212ahost", "locakhost"],
  ];
  for (const [origin, host] of rows) {
    assert.equal(isSameHost(origin, authority(host)), false, `${origin} ${host}`);
  }
});

test("RFC 6454, section 7.1 (GHSA-jcc7-9wpm-mj36): the origin null is the same as no host", () => {
  assert.equal(isSameHost("null", authority("localhost")), false);
  assert.equal(isSameHost("null", authority("null")), false);
});

test("prototype names as schemes have no default port and do no harm", () => {
  for (const scheme of ["__proto__", "constructor", "hasOwnProperty", "tostring"]) {
    assert.equal(isSameHost(`${scheme}://localhost`, authority("localhost:80")), false, scheme);
    assert.equal(isSameHost(`${scheme}://localhost:80`, authority("localhost:80")), true, scheme);
    assert.equal(matchesOrigin(`${scheme}://localhost`, ["http://localhost"]), false, scheme);
    assert.equal(matchesOrigin(`${scheme}://localhost:80`, [`${scheme}://localhost`]), false, scheme);
  }
});

test("RFC 6455, section 10.2: a listed origin matches whole: scheme, host and port", () => {
  const rows: [string, string, boolean][] = [
    ["https://app.example", "https://app.example", true],
    ["https://app.example", "https://app.example:443", true],
    ["https://app.example:443", "https://app.example", true],
    ["http://app.example:80", "http://app.example", true],
    ["http://app.example", "http://app.example:80", true],
    ["HTTPS://App.Example", "https://app.example", true],
    ["https://app.example", "HTTPS://APP.EXAMPLE", true],
    ["http://app.example", "https://app.example", false],
    ["http://app.example:443", "https://app.example", false],
    ["ws://app.example", "http://app.example", false],
    ["https://app.example:8443", "https://app.example", false],
    ["https://app.example", "https://app.example:8443", false],
    ["https://app.example.evil.example", "https://app.example", false],
    ["https://evil-app.example", "https://app.example", false],
    ["https://a.app.example", "https://app.example", false],
    ["https://app.example/", "https://app.example", false],
    ["https://a@app.example", "https://app.example", false],
    ["https://app.example", "app.example", false],
    ["app.example", "https://app.example", false],
    ["", "https://app.example", false],
    ["null", "https://app.example", false],
    ["app://one", "app://one", true],
    ["app://one", "app://two", false],
    ["app://one:80", "app://one", false],
  ];
  for (const [origin, pattern, expected] of rows) {
    assert.equal(matchesOrigin(origin, [pattern]), expected, `${origin} ${pattern}`);
    assert.equal(matchesOrigin(origin, ["https://other.example", pattern]), expected);
    assert.equal(matchesOrigin(origin, [pattern, "null-and-void"]), expected);
  }
  assert.equal(matchesOrigin("https://app.example", []), false);
});

test("CVE-2022-42975: a wildcard in an origin is anchored at a label, and keeps scheme and port", () => {
  const rows: [string, string, boolean][] = [
    ["https://a.example.com", "https://*.example.com", true],
    ["https://a.b.example.com:443", "https://*.example.com", true],
    ["https://A.EXAMPLE.COM", "https://*.Example.com", true],
    ["https://a.example.com:8443", "https://*.example.com:8443", true],
    ["https://example.com", "https://*.example.com", false],
    ["http://a.example.com", "https://*.example.com", false],
    ["https://a.example.com:8443", "https://*.example.com", false],
    ["https://evilexample.com", "https://*.example.com", false],
    ["https://a.example.com.evil.example", "https://*.example.com", false],
    ["https://a.example.com", "*.example.com", false],
    ["https://a.example.com", "*", false],
    ["https://a.example.com", "https://*", false],
  ];
  for (const [origin, pattern, expected] of rows) {
    assert.equal(matchesOrigin(origin, [pattern]), expected, `${origin} ${pattern}`);
  }
});

test("RFC 6454, section 7.1: null has to be listed by that word", () => {
  assert.ok(matchesOrigin("null", ["https://app.example", "null"]));
  assert.equal(matchesOrigin("NULL", ["null"]), false);
  assert.equal(matchesOrigin("https://null", ["null"]), false);
});
