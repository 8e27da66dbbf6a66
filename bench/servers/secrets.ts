/** The certificate of the bench servers that speak TLS. */
import { tls } from "../../tests/fixtures.ts";

/** Options of a TLS server. */
export const secrets: { cert: string; key: string } = { cert: tls.cert, key: tls.key };
