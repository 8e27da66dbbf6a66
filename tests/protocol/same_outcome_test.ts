/** What fuzzing found: an outcome that depended on the cuts, and a call behind the last one. */
import { deepEqual } from "node:assert/strict";
import { both, RSV1 } from "./compression_support.ts";
import { bytesOf, noise } from "./frames.ts";
import { bothRoles, fails, Peer, receives, start } from "./support.ts";

both(
  "7.2.2",
  "whether an invalid payload fails before it is whole does not depend on its cuts",
  (role, options, peer) => {
    const limits = { maxMessageSize: 1000, maxFragments: 10 };
    const invalid = bytesOf([0x06], noise(62));
    const begun = peer.binary(invalid, { fin: false, ...RSV1 });
    receives(role, begun, [], { ...options, limits });
    const more = bytesOf(begun, peer.continuation(Uint8Array.of(0), { fin: false }));
    fails(role, more, 1007, "RFC 7692, section 7.2.2", { ...options, limits });
  },
);

both(
  "7.2.2",
  "of a payload that is too long and invalid behind that, the same is said however it is cut",
  (role, options, peer) => {
    const limits = { maxMessageSize: 58, maxFragments: 10 };
    // A stored block of 59 bytes, which ends with the 64th byte, and a block of the reserved type.
    const payload = bytesOf([0x00, 59, 0, ~59 & 0xff, 0xff], noise(59), [0x06, 0x00]);
    fails(role, peer.binary(payload, RSV1), 1009, "7.4.1", { ...options, limits });
  },
);

bothRoles("7.1.1", "after the end nothing of a message that had begun is handed on", (role) => {
  const [protocol, recorder] = start(role);
  protocol.receive(new Peer(role).text("begun", { fin: false }));
  protocol.receiveEnd();
  const log = [...recorder.log];
  protocol.streamFromNowOn();
  deepEqual(recorder.log, log);
});
