/** Two servers behind one proxy. */
import type { HandshakeRequest } from "../../mod.ts";
import { dial, type RawPeer, request } from "../raw_peer.ts";
import { Backend } from "./backend.ts";
import type { Front, ProxyKind } from "./fronts.ts";
import { urlOf } from "./setting.ts";

/** Two servers, and the proxy. */
export interface Pair extends AsyncDisposable {
  readonly first: Backend;
  readonly second: Backend;
  readonly front: Front;
  readonly url: string;
}

/** What a server answers to a health check. */
export type Health = (request: HandshakeRequest) => Response;

/** Starts two servers and a proxy, which asks for their health often if the first has something to tell of it. */
export async function pairBehind(kind: ProxyKind, firstHealth?: Health): Promise<Pair> {
  const first = await Backend.listen({
    closeTimeout: 60_000,
    ...firstHealth === undefined ? {} : { fetch: firstHealth },
  });
  const second = await Backend.listen();
  const front = await kind.start({
    upstreams: [first.address, second.address],
    ...firstHealth === undefined ? {} : { changes: { site: [["inter 2s", "inter 50ms"]] } },
  });
  return {
    first,
    second,
    front,
    url: urlOf(front, false),
    [Symbol.asyncDispose]: async () => {
      await front[Symbol.asyncDispose]();
      await Promise.all([first, second].map((each) => each[Symbol.asyncDispose]()));
    },
  };
}

/** A client that answers no Close frame, so that its server goes on shutting down. */
export async function stubborn(port: number): Promise<RawPeer> {
  const peer = await dial(port);
  peer.write(request());
  await peer.until("\r\n\r\n");
  return peer;
}
