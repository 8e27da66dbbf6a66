import assert from "node:assert/strict";
import { test } from "../harness.ts";
import {
  HeaderFields,
  isToken,
  isTokenCharacter,
  listElements,
  listHolds,
  parseExtensions,
  toAsciiLowerCase,
} from "../../src/http/header_fields.ts";

const MEGABYTE = 1 << 20;

test("RFC 9110, section 5.6.2: token characters, byte by byte", () => {
  const token = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]$/;
  for (let code = 0; code < 0x300; code++) {
    const character = String.fromCharCode(code);
    assert.equal(isTokenCharacter(code), token.test(character), `code ${code}`);
    assert.equal(isToken(character), token.test(character), `code ${code}`);
    assert.equal(isToken(`a${character}`), token.test(character), `code ${code} last`);
  }
  assert.equal(isToken(""), false);
  assert.equal(isToken("\u212a"), false);
});

test("RFC 6455, section 2.1: lower case is for A to Z alone, KELVIN SIGN is no k", () => {
  assert.equal(toAsciiLowerCase("AZaz09[@`{"), "azaz09[@`{");
  assert.equal(toAsciiLowerCase("xABCy"), "xabcy");
  assert.equal(toAsciiLowerCase("WebSocket"), "websocket");
  assert.equal(toAsciiLowerCase("websocket"), "websocket");
  assert.equal(toAsciiLowerCase(""), "");
  for (const text of ["websoc\u212aet", "\u0130", "\u00c9", "\u0391"]) {
    assert.equal(toAsciiLowerCase(text), text);
  }
  assert.equal(toAsciiLowerCase("A\u212aA"), "a\u212aa");
});

test("RFC 9110, section 5.3: lines of one name are joined in order, others are left alone", () => {
  const fields = new HeaderFields();
  assert.equal(fields.size, 0);
  assert.equal(fields.get("a"), undefined);
  assert.equal(fields.count("a"), 0);
  fields.append("a", "1");
  fields.append("b", "");
  fields.append("a", "2, 3");
  fields.append("a", "");
  assert.equal(fields.size, 4);
  assert.equal(fields.get("a"), "1, 2, 3, ");
  assert.equal(fields.count("a"), 3);
  assert.equal(fields.get("b"), "");
  assert.equal(fields.count("b"), 1);
  assert.equal(fields.get("A"), undefined);
  assert.deepEqual([...fields], [["a", "1"], ["b", ""], ["a", "2, 3"], ["a", ""]]);
});

test("CVE-2026-21710: fields with the names of an object's prototype are ordinary", () => {
  const fields = new HeaderFields();
  const names = ["__proto__", "constructor", "hasownproperty", "tostring"];
  for (const name of names) {
    assert.equal(fields.get(name), undefined, name);
    assert.equal(fields.count(name), 0, name);
  }
  for (const name of names) fields.append(name, `of ${name}`);
  for (const name of names) {
    assert.equal(fields.get(name), `of ${name}`);
    assert.equal(fields.count(name), 1, name);
  }
  assert.deepEqual([...fields].map(([name]) => name), names);
});

test("RFC 9110, section 5.6.1: list elements lose the white space around them, and empty ones do not count", () => {
  const rows: [string | undefined, string[]][] = [
    [undefined, []],
    ["", []],
    [",", []],
    [" ,\t, ,", []],
    ["a", ["a"]],
    ["a,b", ["a", "b"]],
    ["a, b", ["a", "b"]],
    [" \ta \t,\t b\t ", ["a", "b"]],
    [",a,,b,", ["a", "b"]],
    ["a b, c", ["a b", "c"]],
    ["a\u00a0,b", ["a\u00a0", "b"]],
    ['"a, b"', ['"a', 'b"']],
    ["a;b=c", ["a;b=c"]],
  ];
  for (const [value, expected] of rows) {
    assert.deepEqual(listElements(value), expected, JSON.stringify(value));
  }
});

test("RFC 6455, section 4.2.1: a list holds a token in any ASCII case, as a whole element", () => {
  for (
    const value of ["upgrade", "Upgrade", "uPgRaDe", "keep-alive, Upgrade", "keep-alive,UPGRADE", ",upgrade,"]
  ) {
    assert.ok(listHolds(value, "upgrade"), value);
  }
  for (
    const value of [
      undefined,
      "",
      "x-upgrade",
      "upgrades",
      "upgrade x",
      "up grade",
      "keep-alive",
      "upgrade;q=1",
      '"upgrade"',
      "upgrade\u00a0",
    ]
  ) {
    assert.equal(listHolds(value, "upgrade"), false, value);
  }
  assert.equal(listHolds("websoc\u212aet", "websocket"), false, "KELVIN SIGN");
});

test("CVE-2021-32640, CVE-2023-26103: runs of white space and commas are read once", () => {
  const wide = " ".repeat(MEGABYTE);
  assert.deepEqual(listElements(`b${wide}x`), [`b${wide}x`]);
  assert.deepEqual(listElements(`b${wide},${"\t".repeat(MEGABYTE)}x`), ["b", "x"]);
  assert.deepEqual(listElements(wide), []);
  assert.deepEqual(listElements(",".repeat(MEGABYTE)), []);
  assert.deepEqual(listElements(" ,".repeat(MEGABYTE)), []);
  assert.equal(listHolds(`${"\t".repeat(MEGABYTE)},upgrade`, "upgrade"), true);
});

test("RFC 6455, section 9.1: extensions and their parameters", () => {
  const rows: [string | undefined, unknown][] = [
    [undefined, []],
    ["a", [{ name: "a", parameters: [] }]],
    ["a, b", [{ name: "a", parameters: [] }, { name: "b", parameters: [] }]],
    ["a,b", [{ name: "a", parameters: [] }, { name: "b", parameters: [] }]],
    [", a ,\t, b ,", [{ name: "a", parameters: [] }, { name: "b", parameters: [] }]],
    ["a;b", [{ name: "a", parameters: [["b", true]] }]],
    ["a; b=c", [{ name: "a", parameters: [["b", "c"]] }]],
    ["\ta\t;\tb\t=\tc\t", [{ name: "a", parameters: [["b", "c"]] }]],
    [' a ; b = "c" ', [{ name: "a", parameters: [["b", "c"]] }]],
    ['a; b="\\c\\d"', [{ name: "a", parameters: [["b", "cd"]] }]],
    ["a; b; b=1; b=2", [{ name: "a", parameters: [["b", true], ["b", "1"], ["b", "2"]] }]],
    ["a; b=1, a; c", [{ name: "a", parameters: [["b", "1"]] }, { name: "a", parameters: [["c", true]] }]],
    ["A; B=C", [{ name: "A", parameters: [["B", "C"]] }]],
    [
      "permessage-deflate; client_max_window_bits; server_max_window_bits=10",
      [{
        name: "permessage-deflate",
        parameters: [["client_max_window_bits", true], ["server_max_window_bits", "10"]],
      }],
    ],
  ];
  for (const [value, expected] of rows) {
    assert.deepEqual(parseExtensions(value), expected, JSON.stringify(value));
  }
});

test("RFC 6455, section 9.1: what breaks the grammar of extensions is no list of them", () => {
  for (
    const value of [
      "",
      " ",
      ",",
      ", ,",
      ";",
      "=",
      "a b",
      "a/b",
      "a;",
      "a; ;b",
      "a;;b",
      "a; b=",
      "a; b= , c",
      "a; =c",
      "a=b",
      "a; b=c d",
      "a; b c",
      "a; b=c=d",
      'a; b="c',
      'a; b="c d"',
      'a; b=""',
      'a; b="c"d',
      'a; b="\\"',
      'a; b="\\',
      'a; b="\\""',
      'a; b="c\\\\"',
      'a; b="c,d"',
      'a; b="',
      '"a"',
      'a; "b"=c',
      "a; b='c,d'e f",
      ",;constructor",
      "permessage-deflate; =15",
      "a, ;b",
      "a;b, c d",
      "\u00e9",
      "a; b=\u00e9",
      'a; b="\u00e9"',
      "a; \u212a",
      "a\x00",
    ]
  ) {
    assert.equal(parseExtensions(value), undefined, JSON.stringify(value));
  }
});

test("npm advisory 550: extensions with the names of an object's prototype are ordinary", () => {
  assert.deepEqual(parseExtensions("constructor; __proto__=hasOwnProperty, __proto__"), [
    { name: "constructor", parameters: [["__proto__", "hasOwnProperty"]] },
    { name: "__proto__", parameters: [] },
  ]);
});

test("CVE-2020-7662, CVE-2020-7663: hostile quoted strings are read once", () => {
  const escaped = "\\c".repeat(MEGABYTE);
  assert.equal(parseExtensions(`a; b="${escaped}`), undefined);
  assert.equal(parseExtensions(`a; b="${escaped}"e`), undefined);
  assert.equal(parseExtensions(`a; b="${"\\".repeat(MEGABYTE)}`), undefined);
  assert.deepEqual(parseExtensions(`a; b="${escaped}"`), [
    { name: "a", parameters: [["b", "c".repeat(MEGABYTE)]] },
  ]);
  assert.equal(parseExtensions(`a${" ".repeat(MEGABYTE)}b`), undefined);
  assert.equal(parseExtensions(`a${"; b".repeat(MEGABYTE / 4)};`), undefined);
  assert.equal(parseExtensions(`${",".repeat(MEGABYTE)}a`)?.length, 1);
  assert.equal(parseExtensions("a,".repeat(MEGABYTE / 4))?.length, MEGABYTE / 4);
});
