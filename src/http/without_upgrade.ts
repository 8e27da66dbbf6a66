/**
 * Requests that offer an upgrade by the way, and do without: `Upgrade: h2c` comes with the requests of Java's HttpClient
 * and `curl --http2`, `Upgrade: TLS/1.2` with those of Apache's.
 *
 * @module
 */
import { toAsciiLowerCase } from "./header_fields.ts";

/** The part of an `IncomingMessage` of `node:http` that is used. */
export interface UpgradedRequest {
  /** The method. */
  readonly method?: string | undefined;
  /** The request target. */
  readonly url?: string | undefined;
  /** The version, such as `1.1`. */
  readonly httpVersion: string;
  /** Names and values of the header lines, alternating. */
  readonly rawHeaders: readonly string[];
  /** Whether all of it has been read, with its body. */
  readonly complete?: boolean;
}

/** Whether this value of `Upgrade` is only an offer. */
export function isOfferedByTheWay(upgrade: string): boolean {
  return /^(?:h2c|tls)\b/i.test(upgrade) && !/\bwebsocket\b/i.test(upgrade);
}

// RFC 7540, section 3.2.1: HTTP2-Settings comes with Upgrade: h2c.
const OF_UPGRADE: readonly string[] = ["upgrade", "http2-settings"];

/**
 * The text of a request head, one byte per character, as if it had asked for no upgrade. RFC 9110, section 7.8: "A
 * server MAY ignore a received Upgrade header field".
 */
export function withoutUpgrade({ method = "", url = "", httpVersion, rawHeaders }: UpgradedRequest): string {
  let text = `${method} ${url} HTTP/${httpVersion}\r\n`;
  for (let i = 0; i + 1 < rawHeaders.length; i += 2) {
    const [name, value] = [rawHeaders[i]!, rawHeaders[i + 1]!];
    const lower = toAsciiLowerCase(name);
    if (OF_UPGRADE.includes(lower)) continue;
    if (lower !== "connection") text += `${name}: ${value}\r\n`;
    else {
      const options = value.split(",").map((each) => each.trim());
      const others = options.filter((each) => !OF_UPGRADE.includes(toAsciiLowerCase(each)));
      if (others.length > 0) text += `${name}: ${others.join(", ")}\r\n`;
    }
  }
  return `${text}\r\n`;
}
