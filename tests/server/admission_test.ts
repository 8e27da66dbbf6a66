/** Limits on the number of connections, in total and per address. */
import { equal, throws } from "node:assert/strict";
import { Admission, networkOf, type Rejection } from "../../src/server/admission.ts";
import { test } from "../harness.ts";

function code(rejection: Rejection | undefined): string | undefined {
  return rejection?.dropped ? `${rejection.refusal.code}, dropped` : rejection?.refusal.code;
}

test("beyond the limit some are told why, and beyond those no more is said", () => {
  const admission = new Admission({ maxConnections: 10 });
  equal(admission.enter("", 10), undefined);
  equal(code(admission.enter("", 11)), "connections-exhausted");
  equal(code(admission.enter("", 10 + 1024)), "connections-exhausted");
  equal(code(admission.enter("", 10 + 1025)), "connections-exhausted, dropped");
});

test("each address is counted by itself, as long as one of it is there", () => {
  const admission = new Admission({ maxConnectionsPerAddress: 2 });
  for (const address of ["192.0.2.1", "192.0.2.1", "192.0.2.2"]) {
    equal(admission.enter(address, 1), undefined);
  }
  equal(code(admission.enter("192.0.2.1", 1)), "address-exhausted");
  equal(admission.enter("192.0.2.2", 1), undefined);
  // The refused one counts until it has gone.
  admission.leave("192.0.2.1");
  equal(code(admission.enter("192.0.2.1", 1)), "address-exhausted");
  for (let i = 0; i < 3; i++) admission.leave("192.0.2.1");
  equal(admission.enter("192.0.2.1", 1), undefined);
});

test("those who were refused are bounded for each address, too", () => {
  const admission = new Admission({ maxConnectionsPerAddress: 1 });
  equal(admission.enter("192.0.2.1", 1), undefined);
  for (let i = 0; i < 1024; i++) equal(code(admission.enter("192.0.2.1", 1)), "address-exhausted");
  equal(code(admission.enter("192.0.2.1", 1)), "address-exhausted, dropped");
  equal(admission.enter("192.0.2.2", 1), undefined);
});

test("who has no address, as on a Unix socket, is counted in all alone", () => {
  const admission = new Admission({ maxConnectionsPerAddress: 1 });
  for (let i = 1; i < 10; i++) equal(admission.enter("", i), undefined);
  admission.leave("");
});

test("an IPv6 address counts by its first 64 bits, however it is written", () => {
  for (
    const [address, network] of [
      ["192.0.2.1", "192.0.2.1"],
      ["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"],
      ["2001:DB8:1:2::6", "2001:db8:1:2::/64"],
      ["2001:0db8:0001:0002::", "2001:db8:1:2::/64"],
      ["2001:db8::1", "2001:db8:0:0::/64"],
      ["2001:db8::1:2:3:4:5", "2001:db8:0:1::/64"],
      ["::1", "0:0:0:0::/64"],
      ["::", "0:0:0:0::/64"],
      ["fe80::1%eth0", "fe80:0:0:0::/64"],
    ] as const
  ) equal(networkOf(address), network, address);
});

test("options that are no numbers, or too small, are refused at the call", () => {
  throws(() => new Admission({ maxConnections: 0 }), RangeError);
  throws(() => new Admission({ maxConnectionsPerAddress: Number.NaN }), RangeError);
});
