/**
 * What the application decides about a valid opening handshake, with its `upgrade` and `protocols` options.
 *
 * @module
 */
import { type Refusal, refuse } from "../handshake/refusal.ts";
import type { EndpointOptions, UpgradeResult } from "./options.ts";
import type { HandshakeRequest } from "./web_request.ts";

/** The part of the options that decides. */
export interface DecisionOptions<Data> extends Pick<EndpointOptions<Data, unknown>, "upgrade"> {
  readonly protocols?: Exclude<EndpointOptions<Data>["protocols"], string>;
}

/** The handshake is accepted. */
export interface Accepted<Data> {
  readonly kind: "accept";
  readonly result: UpgradeResult<Data> | undefined;
  readonly protocol: string | undefined;
  /** The application's data for the connection: what `upgrade` gives, or the context. */
  readonly data: unknown;
}

/** The handshake is refused. */
export interface Refused {
  readonly kind: "refuse";
  readonly refusal: Refusal;
}

/** The application refuses with a response of its own. */
export interface Responded {
  readonly kind: "respond";
  readonly response: Response;
}

/** The decision, if it needs no code of the application; otherwise `undefined`. */
export function decideAtOnce<Data>(
  { upgrade, protocols }: DecisionOptions<Data>,
  offered: readonly string[],
  context: unknown,
): Accepted<Data> | Refused | undefined {
  if (upgrade !== undefined || typeof protocols === "function") return undefined;
  return withListed(undefined, protocols, offered, context);
}

/** Asks the application. Rejects with what its functions throw, and with a `TypeError` for an invalid result. */
export async function decide<Data>(
  { upgrade, protocols }: DecisionOptions<Data>,
  offered: readonly string[],
  request: HandshakeRequest,
  context: unknown,
): Promise<Accepted<Data> | Refused | Responded> {
  const answer = await upgrade?.(request, context);
  if (answer instanceof Response) return { kind: "respond", response: answer };
  // False, an error, or a foreign Response class, does not mean acceptance.
  if (answer !== undefined && answer !== null && !isResult(answer)) {
    throw new TypeError(
      "Cannot use the result of upgrade(): return nothing, an object with data, headers or protocol, or a Response.",
    );
  }
  const result = answer ?? undefined;
  const own = nameOf(result?.protocol, "the protocol that upgrade() returns");
  const data = result !== undefined && "data" in result ? result.data : context;
  if (own !== undefined) return { kind: "accept", result, protocol: own, data };
  if (typeof protocols !== "function") return withListed(result, protocols, offered, data);
  const chosen = await protocols(offered, request);
  return { kind: "accept", result, protocol: nameOf(chosen, "the result of protocols()"), data };
}

/** Selects the first of these subprotocols that is offered. */
function withListed<Data>(
  result: UpgradeResult<Data> | undefined,
  supported: readonly string[] | undefined,
  offered: readonly string[],
  data: unknown,
): Accepted<Data> | Refused {
  if (supported === undefined || offered.length === 0) {
    return { kind: "accept", result, protocol: undefined, data };
  }
  const protocol = supported.find((each) => offered.includes(each));
  if (protocol !== undefined) return { kind: "accept", result, protocol, data };
  const detail = `It supports ${supported.join(", ") || "none"}.`;
  return { kind: "refuse", refusal: refuse("subprotocol-unsupported", { detail }) };
}

/** A subprotocol from the application. Plain JavaScript may give null, such as from headers.get(). */
function nameOf(value: unknown, what: string): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "string") return value;
  throw new TypeError(`Cannot use ${what}: give one of the offered subprotocols, or nothing.`);
}

function isResult(answer: object): boolean {
  return typeof answer === "object" && !Array.isArray(answer) && !(answer instanceof Error) &&
    !("status" in answer);
}
