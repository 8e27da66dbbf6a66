/** What a peer, an application and a network may do to one connection, from the first octet to the last. */
import fc from "fast-check";

/** A message of the peer's. */
export interface PlannedMessage {
  readonly text: boolean;
  readonly size: number;
  /** Fragments that it is sent in. */
  readonly fragments: number;
  readonly compressed: boolean;
  /** A Ping frame goes before it. */
  readonly ping: boolean;
}

/** What the application does in the midst of a message. */
export type Act =
  | "nothing"
  | "throw"
  | "reject"
  | "wait"
  | "send"
  | "stream"
  | "stream surrogates"
  | "ping"
  | "drained"
  | "publish"
  | "close"
  | "abort";

/** How a hook behaves. */
export type HookFate = "absent" | "returns" | "waits" | "throws" | "rejects";

/** One connection. */
export interface Plan {
  readonly seed: number;
  /** Over the transport in memory, or over a Node-style stream that keeps what is written to it. */
  readonly over: "memory" | "stream";
  readonly compression: boolean;
  readonly maxMessages: number;
  readonly maxBytes: number;
  /** How many messages go out together with the request. */
  readonly early: number;
  readonly messages: readonly PlannedMessage[];
  /** Octets of the largest piece that the network delivers at once. */
  readonly largest: number;
  readonly end: "Close" | "FIN" | "reset" | "fault" | "silence";
  readonly handler: "loop" | "callbacks" | "pieces" | "takes none" | "leaves at once";
  readonly acts: readonly Act[];
  readonly upgrade: HookFate;
  readonly accepted: HookFate;
  readonly limit: HookFate;
  readonly error: HookFate;
  /** Milliseconds for which the process is suspended before the pieces with these indices. */
  readonly stalls: readonly number[];
}

/** The most that a message may have. */
export const LARGEST_MESSAGE = 4096;

const message: fc.Arbitrary<PlannedMessage> = fc.record({
  text: fc.boolean(),
  size: fc.oneof(
    { weight: 6, arbitrary: fc.integer({ min: 0, max: 40 }) },
    { weight: 3, arbitrary: fc.integer({ min: 0, max: LARGEST_MESSAGE }) },
    { weight: 1, arbitrary: fc.constant(LARGEST_MESSAGE) },
  ),
  fragments: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, {
    weight: 1,
    arbitrary: fc.integer({ min: 2, max: 4 }),
  }),
  compressed: fc.boolean(),
  ping: fc.oneof({ weight: 5, arbitrary: fc.constant(false) }, { weight: 1, arbitrary: fc.constant(true) }),
});

/** Either some messages of all kinds, or a flood of one. */
const messages: fc.Arbitrary<readonly PlannedMessage[]> = fc.oneof(
  { weight: 2, arbitrary: fc.array(message, { maxLength: 60 }) },
  {
    weight: 1,
    arbitrary: fc.tuple(message, fc.integer({ min: 100, max: 400 }), fc.boolean()).map((
      [each, count, large],
    ) => Array.from({ length: count }, () => large ? { ...each, size: LARGEST_MESSAGE } : each)),
  },
);

const hook: fc.Arbitrary<HookFate> = fc.constantFrom(
  "absent",
  "absent",
  "returns",
  "waits",
  "throws",
  "rejects",
);

const act: fc.Arbitrary<Act> = fc.oneof(
  { weight: 10, arbitrary: fc.constantFrom<Act>("nothing", "wait", "send") },
  { weight: 3, arbitrary: fc.constantFrom<Act>("stream", "stream surrogates", "ping", "drained", "publish") },
  { weight: 1, arbitrary: fc.constantFrom<Act>("throw", "reject", "close", "abort") },
);

/** Any of them. */
export const plans: fc.Arbitrary<Plan> = fc.record({
  seed: fc.integer(),
  over: fc.constantFrom("memory", "stream"),
  compression: fc.boolean(),
  maxMessages: fc.integer({ min: 1, max: 8 }),
  maxBytes: fc.integer({ min: 64, max: 8192 }),
  early: fc.oneof(fc.constant(0), fc.integer({ min: 0, max: 30 })),
  messages,
  largest: fc.oneof(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 100, max: 100_000 })),
  end: fc.constantFrom("Close", "Close", "FIN", "reset", "fault", "silence"),
  handler: fc.constantFrom(
    "loop",
    "loop",
    "callbacks",
    "callbacks",
    "pieces",
    "takes none",
    "leaves at once",
  ),
  acts: fc.array(act, { minLength: 1, maxLength: 12 }),
  upgrade: hook,
  accepted: hook,
  limit: hook,
  error: hook,
  stalls: fc.array(fc.constantFrom(0, 0, 0, 50, 400, 5000, 60_000), { maxLength: 10 }),
});
