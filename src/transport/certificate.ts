/**
 * Checks certificates and keys before anything listens or dials. Otherwise each runtime reports invalid ones at a
 * different time and in different words, and Deno ends the process.
 *
 * @module
 */

/** TLS options as PEM text, of a client or of a server. */
export interface PemTexts {
  /** The certificate chain. */
  readonly cert?: string | undefined;
  /** Its private key. */
  readonly key?: string | undefined;
  /** Certificate authorities. */
  readonly ca?: string | readonly string[] | undefined;
  /** Certificate authorities of clients. */
  readonly clientCa?: string | readonly string[] | undefined;
  /** Certificates for server names. */
  readonly names?: Readonly<Record<string, { readonly cert: string; readonly key: string }>> | undefined;
}

const BEGIN = /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----/g;
const BLOCK =
  /-----BEGIN (?:X509 |TRUSTED )?CERTIFICATE-----[^-]*-----END (?:X509 |TRUSTED )?CERTIFICATE-----/g;

/** Rejects with a `TypeError` that says what is wrong with the option `tls`. */
export async function checkCertificates(tls: PemTexts): Promise<void> {
  await checkTexts(tls, "tls");
  for (const [name, each] of Object.entries(tls.names ?? {})) {
    await checkTexts(each, `tls.names[${JSON.stringify(name)}]`);
  }
}

async function checkTexts({ cert, key, ca, clientCa }: PemTexts, option: string): Promise<void> {
  const { createPrivateKey, X509Certificate } = await import("node:crypto");
  if ((cert === undefined) !== (key === undefined)) {
    throw new TypeError(
      `Cannot use option ${option}: it has ${
        cert === undefined ? "a key without cert" : "a cert without key"
      }. Give both.`,
    );
  }
  const texts = [
    ["cert", cert] as const,
    ...[ca ?? []].flat().map((each) => ["ca", each] as const),
    ...[clientCa ?? []].flat().map((each) => ["clientCa", each] as const),
  ];
  for (const [name, text] of texts) {
    if (text === undefined) continue;
    const blocks = certificatesIn(String(text));
    const begun = String(text).match(BEGIN)?.length;
    if (begun !== blocks.length || !blocks.every((each) => works(() => new X509Certificate(each)))) {
      throw new TypeError(
        `Cannot use option ${option}.${name}: it is not a certificate. Give PEM text, which begins with -----BEGIN CERTIFICATE-----.`,
      );
    }
  }
  if (cert === undefined || key === undefined) return;
  if (!works(() => createPrivateKey(key))) {
    throw new TypeError(
      `Cannot use option ${option}.key: it is not a private key without a passphrase. Give PEM text, which begins with ` +
        "-----BEGIN PRIVATE KEY-----.",
    );
  }
  if (!new X509Certificate(cert.match(BLOCK)![0]).checkPrivateKey(createPrivateKey(key))) {
    throw new TypeError(
      `Cannot use option ${option}: the key does not match the certificate. Give a matching pair.`,
    );
  }
}

/** The certificates of a PEM text, each by itself: not every runtime reads all that is around them, or between. */
export function certificatesIn(text: string): readonly string[] {
  return text.match(BLOCK) ?? [];
}

/** Whether a certificate is valid at this time; a session that is resumed is not asked again. */
export function isCurrent(
  { validFrom, validTo }: { readonly validFrom: string; readonly validTo: string },
  time: number = Date.now(),
): boolean {
  return Date.parse(validFrom) <= time && time <= Date.parse(validTo);
}

/**
 * Whether a DER certificate is one of these PEM certificates, or issued directly by one of them. `false` if there is
 * none.
 */
export async function isIssuedBy(
  certificate: Uint8Array | undefined,
  ca: string | readonly string[],
): Promise<boolean> {
  if (certificate === undefined) return false;
  const { X509Certificate } = await import("node:crypto");
  const leaf = new X509Certificate(certificate);
  const blocks = [ca].flat().flatMap((text) => text.match(BLOCK) ?? []);
  return blocks.map((block) => new X509Certificate(block)).some((each) =>
    each.fingerprint256 === leaf.fingerprint256 ||
    holds(() => leaf.checkIssued(each) && leaf.verify(each.publicKey))
  );
}

/** A check that throws counts as failed, as with a type of key that the runtime does not know. */
function holds(call: () => boolean): boolean {
  try {
    return call();
  } catch {
    return false;
  }
}

function works(call: () => unknown): boolean {
  try {
    call();
    return true;
  } catch {
    return false;
  }
}
