/** Two protocols of ours, joined: whatever happens to them, they agree on what was said. */
import { zlibCodec } from "../../../src/compression/zlib_codec.ts";
import { encodeMessage } from "../../../src/protocol/encoded_message.ts";
import { parseExtensions } from "../../../src/http/header_fields.ts";
import {
  acceptDeflateOffer,
  type DeflateAgreement,
  deflateOffer,
  type DeflateWishes,
  readDeflateAnswer,
} from "../../../src/permessage_deflate/negotiation.ts";
import { PermessageDeflate } from "../../../src/permessage_deflate/permessage_deflate.ts";
import type { MessageLimits } from "../../../src/protocol/message_assembler.ts";
import { StrictInflater } from "../../permessage_deflate/strict_inflater.ts";
import { joined } from "../random.ts";
import { ensure } from "../target.ts";
import { End } from "./end.ts";
import { dataOf, type Operation, type Side } from "./operations.ts";

/** What the ends are made with. */
export interface WorldOptions {
  /** Both ends' wishes; without them nothing is compressed. */
  readonly deflate?: { readonly client: DeflateWishes; readonly server: DeflateWishes };
  readonly level: number;
  /** Bytes below which a message is not compressed unless asked for. */
  readonly threshold: number;
  /** Whether what is compressed is also read by the letter of RFC 1951. */
  readonly strict: boolean;
}

const LIMITS: MessageLimits = { maxMessageSize: 1 << 20, maxFragments: 10_000 };

export class World {
  readonly client: End;
  readonly server: End;

  constructor(options: WorldOptions) {
    const agreement = options.deflate && negotiate(options.deflate.client, options.deflate.server);
    const end = (side: Side): End => {
      if (agreement === undefined) return new End(side, LIMITS, undefined, undefined);
      const compression = new PermessageDeflate(side, agreement, options, zlibCodec);
      const [bits, alone] = side === "server"
        ? [agreement.serverMaxWindowBits, agreement.serverNoContextTakeover]
        : [agreement.clientMaxWindowBits, agreement.clientNoContextTakeover];
      return new End(
        side,
        LIMITS,
        compression,
        options.strict ? new StrictInflater(bits, !alone) : undefined,
      );
    };
    this.client = end("client");
    this.server = end("server");
    this.client.peer = this.server;
    this.server.peer = this.client;
  }

  /** Does it, if its owner may do it now: the fragments of one message are not mixed with another. */
  apply(operation: Operation): void {
    const end = this[operation.side];
    switch (operation.what) {
      case "message":
      case "encoded":
        if (end.begun === undefined) this.#message(end, operation);
        return;
      case "fragment":
        return this.#fragment(end, operation);
      case "ping":
        return void end.call(
          "ping",
          (protocol) => protocol.sendPing(new Uint8Array(operation.size).fill(operation.size)),
        );
      case "pong":
        return void end.call("pong", (protocol) => protocol.sendPong(new Uint8Array(operation.size).fill(1)));
      case "close":
        return end.protocol.sendClose(operation.code, operation.code === undefined ? "" : operation.reason);
      case "fail":
        if (end.close === undefined) end.broken = true;
        return end.protocol.fail(operation.code, new Error("the owner wishes it so"));
      case "deliver":
        return deliver(end, operation.count, operation.piece);
      case "stream":
        return end.protocol.streamFromNowOn();
      case "congest":
        return end.congest();
      case "drain":
        return end.drain();
      case "die":
        return die(end);
      case "reset":
        for (const each of [this.client, this.server]) {
          each.lane.length = 0;
          if (each.close === undefined) each.broken = true;
          each.protocol.abandon("remote", new Error("reset"));
        }
    }
  }

  /** Lets all arrive, closes what is open, and compares what both ends know. */
  settle(): void {
    for (const end of [this.client, this.server]) {
      end.drain();
      const { begun } = end;
      if (begun !== undefined && end.protocol.open) {
        this.#fragment(end, { side: end.side, what: "fragment", data: NOTHING, compress: false, last: true });
      }
    }
    this.#deliverAll();
    if (this.client.protocol.open && this.server.protocol.open) {
      this.client.protocol.sendClose(1000, "settled");
    }
    this.#deliverAll();
    for (const end of [this.client, this.server]) {
      if (end.peer.laneEnded) end.protocol.receiveEnd();
    }
    this.#deliverAll();
    for (const end of [this.client, this.server]) check(end);
    const { client: { close: one }, server: { close: other } } = this;
    const bothRemote = one?.wasClean && other?.wasClean && one.initiator === "remote" &&
      other.initiator === "remote";
    ensure(!bothRemote, () => "each says that the other one began to close");
  }

  #deliverAll(): void {
    for (let round = 0; this.client.lane.length + this.server.lane.length > 0; round++) {
      ensure(round < 1000, () => "it never ends");
      deliver(this.client, Infinity, 100_000);
      deliver(this.server, Infinity, 100_000);
    }
  }

  #message(end: End, operation: Extract<Operation, { what: "message" | "encoded" }>): void {
    const data = dataOf(operation.data);
    end.announce(data);
    const { compression } = end.protocol;
    if (operation.what === "message") {
      const { compress } = operation;
      end.call(
        "message",
        (protocol) =>
          typeof data === "string" ? protocol.sendText(data, compress) : protocol.sendBinary(data, compress),
      );
    } else if (end.side === "server") {
      const compressed = compression !== undefined && operation.compress !== false &&
        encodeMessage(data, compression);
      end.call("message", (protocol) => protocol.sendEncoded(compressed || encodeMessage(data)));
    }
  }

  #fragment(end: End, { data: spec, compress, last }: Extract<Operation, { what: "fragment" }>): void {
    const first = end.begun === undefined;
    // All fragments are of the first one's kind.
    const kind = first || ((end.begun!.type === "text") === ((spec.kind & 1) === 0))
      ? spec.kind
      : spec.kind ^ 1;
    const data = dataOf({ kind, size: spec.size });
    const begun = end.begun ??= { type: typeof data === "string" ? "text" : "binary", compress, pieces: [] };
    begun.pieces.push(data);
    if (last) {
      end.announce(
        begun.type === "text" ? begun.pieces.join("") : joined(begun.pieces as Uint8Array[]),
      );
      end.begun = undefined;
    }
    end.call("message", (protocol) => protocol.sendFragment(begun.type, data, first, last, begun.compress));
  }
}

const NOTHING = { kind: 0, size: 0 };

function negotiate(client: DeflateWishes, server: DeflateWishes): DeflateAgreement {
  const accepted = acceptDeflateOffer(parseExtensions(deflateOffer(client))!, server);
  const read = accepted && readDeflateAnswer(parseExtensions(accepted.answer)!, client);
  ensure(typeof read === "object", () => `two ends of ours do not agree: ${read}`);
  return read;
}

/** Bytes of the peer arrive at this end, and then the end of the stream if nothing follows. */
function deliver(to: End, count: number, piece: number): void {
  const { lane } = to.peer;
  const bytes = joined(lane.splice(0));
  const end = Math.min(bytes.length, count);
  for (let start = 0; start < end; start += piece) {
    const chunk = bytes.slice(start, Math.min(end, start + piece));
    to.protocol.receive(chunk);
    chunk.fill(0xa5);
  }
  if (end < bytes.length) lane.unshift(bytes.subarray(end));
  else if (to.peer.laneEnded) to.protocol.receiveEnd();
}

/** The process of this end is gone; what it had sent still arrives. */
function die(end: End): void {
  if (end.close === undefined) end.broken = true;
  end.protocol.abandon("local", new Error("killed"));
  end.laneEnded = true;
}

function check(end: End): void {
  const { close, peer, side } = end;
  ensure(close !== undefined && end.protocol.finished, () => `the ${side} did not come to its end`);
  if (end.broken) {
    ensure(
      !close.wasClean && close.code === 1006,
      () => `the ${side} ended with ${close.code}, though it broke`,
    );
    return;
  }
  ensure(
    end.received === peer.sent.length,
    () => `the ${side} received ${end.received} of ${peer.sent.length}: ${peer.sent.slice(end.received)}`,
  );
  const closed = peer.sent.at(-1)?.startsWith("close") === true;
  ensure(
    close.wasClean === closed,
    () => `the ${side} ended ${close.wasClean ? "" : "un"}cleanly with ${close.code}`,
  );
  ensure(closed || close.code === 1006, () => `the ${side} ended with ${close.code}, which nobody sent`);
  ensure(close.error === undefined, () => `the ${side} failed: ${close.error}`);
}
