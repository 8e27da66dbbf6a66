/** What the application decides about an opening handshake: its `upgrade` and `protocols` options. */
import assert from "node:assert/strict";
import { HandshakeError } from "../../mod.ts";
import { handshakePair, type HandshakeServerOptions } from "../../src/testing/mod.ts";
import { test } from "../harness.ts";

/** The subprotocol of a connection to a client that offers "a" and "b", or the status of the refusal. */
async function outcome(server: HandshakeServerOptions<unknown>): Promise<string | number | undefined> {
  const errors: unknown[] = [];
  try {
    await using ends = await handshakePair<unknown>({
      client: { protocols: ["a", "b"] },
      server: { error: (error) => void errors.push(error), ...server },
    });
    assert.deepEqual(errors, []);
    return ends.client.protocol;
  } catch (error) {
    assert.ok(error instanceof HandshakeError, String(error));
    return error.status;
  }
}

// What plain JavaScript may give, such as headers.get() of a header that is not there.
const NULL = null as unknown as string;

test("upgrade(): its protocol comes before the protocols option, and null is none of its own", async () => {
  assert.equal(await outcome({ upgrade: () => ({ protocol: "b" }), protocols: ["a"] }), "b");
  assert.equal(await outcome({ upgrade: () => ({ protocol: NULL }), protocols: ["a"] }), "a");
  assert.equal(await outcome({ upgrade: () => ({}), protocols: ["b", "a"] }), "b");
  assert.equal(await outcome({ upgrade: () => {}, protocols: () => "b" }), "b");
});

test("protocols: a function that selects none, by undefined or null, leaves the connection without one", async () => {
  assert.equal(await outcome({ protocols: () => undefined }), "");
  assert.equal(await outcome({ protocols: () => NULL }), "");
  assert.equal(await outcome({ protocols: () => Promise.resolve(NULL) }), "");
});

test("RFC 6455, section 4.2.2: a client that offers only other subprotocols is refused, with and without upgrade()", async () => {
  assert.equal(await outcome({ protocols: ["c"] }), 400);
  assert.equal(await outcome({ protocols: ["c"], upgrade: () => {} }), 400);
});

test("upgrade(): neither false, an error, a list nor a Response of another class means acceptance", async () => {
  assert.equal(await outcome({ upgrade: () => false as unknown as undefined }), 500);
  assert.equal(await outcome({ upgrade: () => ({ status: 403 }) as unknown as undefined }), 500);
  assert.equal(await outcome({ upgrade: () => new Error("no") as unknown as undefined }), 500);
  assert.equal(await outcome({ upgrade: () => [] as unknown as undefined }), 500);
  assert.equal(await outcome({ upgrade: () => new Response("no", { status: 403 }) }), 403);
});

test("a subprotocol that is no string is the application's fault: 500, and a TypeError for the error hook", async () => {
  for (const wrong of [["a"], {}, 7, true] as unknown as string[]) {
    for (const server of [{ protocols: () => wrong }, { upgrade: () => ({ protocol: wrong }) }]) {
      const errors: unknown[] = [];
      assert.equal(await outcome({ ...server, error: (error) => void errors.push(error) }), 500);
      assert.match(
        String(errors),
        /^TypeError: Cannot use the (?:result of protocols|protocol that upgrade)/,
      );
    }
  }
});
