/**
 * What the application decides about a valid opening handshake, with its `upgrade` and `protocols` options.
 *
 * @module
 */
import { type Refusal, refuse } from "../handshake/refusal.ts";
import type { OpeningOptions, UpgradeResult } from "./options.ts";
import type { HandshakeRequest } from "./web_request.ts";

/** The part of the options that decides. */
export interface DecisionOptions<Data> extends Pick<OpeningOptions<Data>, "upgrade"> {
  readonly protocols?: Exclude<OpeningOptions<Data>["protocols"], string>;
}

/** The handshake is accepted. */
export interface Accepted<Data> {
  readonly kind: "accept";
  readonly result: UpgradeResult<Data> | undefined;
  readonly protocol: string | undefined;
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
): Accepted<Data> | Refused | undefined {
  if (upgrade !== undefined || typeof protocols === "function") return undefined;
  return withProtocol(undefined, chooseProtocol(protocols, offered));
}

/** Asks the application. Rejects with what its functions throw, and with a `TypeError` for an invalid result. */
export async function decide<Data>(
  { upgrade, protocols }: DecisionOptions<Data>,
  offered: readonly string[],
  request: HandshakeRequest,
): Promise<Accepted<Data> | Refused | Responded> {
  const answer = await upgrade?.(request);
  if (answer instanceof Response) return { kind: "respond", response: answer };
  // False, or a foreign Response class, does not mean acceptance.
  if (answer !== undefined && answer !== null && !isResult(answer)) {
    throw new TypeError(
      "Cannot use the result of upgrade(): return nothing, an object with data, headers or protocol, or a Response.",
    );
  }
  const result = answer ?? undefined;
  if (result?.protocol != null) return withProtocol(result, result.protocol);
  return withProtocol(
    result,
    typeof protocols === "function" ? await protocols(offered, request) : chooseProtocol(protocols, offered),
  );
}

function withProtocol<Data>(
  result: UpgradeResult<Data> | undefined,
  protocol: string | undefined | null | Refusal,
): Accepted<Data> | Refused {
  // Plain JavaScript may return null, such as from headers.get().
  return typeof protocol === "object" && protocol !== null
    ? { kind: "refuse", refusal: protocol }
    : { kind: "accept", result, protocol: protocol ?? undefined };
}

function isResult(answer: object): boolean {
  return typeof answer === "object" && !("status" in answer);
}

function chooseProtocol(
  spoken: readonly string[] | undefined,
  offered: readonly string[],
): string | undefined | Refusal {
  if (spoken === undefined || offered.length === 0) return undefined;
  return spoken.find((each) => offered.includes(each)) ??
    refuse("subprotocol-unsupported", { detail: `It supports ${spoken.join(", ") || "none"}.` });
}
