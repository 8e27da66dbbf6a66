/**
 * The endpoints of a server: one for all of its paths, or one for each route.
 *
 * @module
 */
import type { ConnectionHandler } from "../connection/connection.ts";
import { type ConnectionOptions, connectionSettings } from "../connection/options.ts";
import type { AdmissionPolicy } from "../handshake/admission_policy.ts";
import type { JudgementPolicy } from "../handshake/server_handshake.ts";
import type { DecisionOptions } from "./decision.ts";
import type { Home } from "./home.ts";
import { Route } from "./route.ts";

/** Which handshakes are accepted, and what the connections share. */
export interface Endpoint<Data> {
  /** What decides about handshakes. */
  readonly options: DecisionOptions<Data> & Pick<AdmissionPolicy, "origins">;
  /** What the connections share. */
  readonly home: Home<Data>;
  /** What gets the connections. */
  readonly handler: ConnectionHandler<Data>;
}

/** The endpoint of a path. */
export interface Found<Data> {
  /** The endpoint. */
  readonly endpoint: Endpoint<Data>;
  /** The parameters in the path. */
  readonly params: Readonly<Record<string, string>>;
}

/** The options of all endpoints, after reading; routes may have others. */
export interface EndpointsOptions<Data>
  extends DecisionOptions<Data>, Pick<AdmissionPolicy, "origins">, ConnectionOptions {
  /** Whether WebSockets on a path are ours. */
  path?(path: string): boolean;
}

/** The endpoint for a path, or `undefined` if WebSockets there are not ours. */
export type FindEndpoint<Data> = (path: string) => Found<Data> | undefined;

/**
 * The endpoints of a server with this handler, or these routes. Throws a `TypeError` for routes together with `path`,
 * and as {@linkcode connectionSettings} does.
 */
export function endpointsOf<Data>(
  options: EndpointsOptions<Data>,
  handler: ConnectionHandler<Data> | readonly Route<never>[],
  home: Home<Data>,
): FindEndpoint<Data> {
  if (!isRoutes(handler)) {
    const found: Found<Data> = { endpoint: { options, home, handler }, params: {} };
    const { path } = options;
    return path === undefined ? () => found : (asked) => path(asked) ? found : undefined;
  }
  if (options.path !== undefined) {
    throw new TypeError("Cannot use option path together with routes: the routes are the paths.");
  }
  const endpoints = Array.from(handler, (route) => {
    if (!(route instanceof Route)) {
      throw new TypeError("Cannot use a list as the handler unless each of its items is made by route().");
    }
    const own = { ...options, ...route.options };
    return {
      route,
      endpoint: {
        options: own as Endpoint<Data>["options"],
        home: home.alike(connectionSettings(own)),
        handler: route.handler as ConnectionHandler<Data>,
      },
    };
  });
  return (path) => {
    for (const { route, endpoint } of endpoints) {
      const params = route.match(path);
      if (params !== undefined) return { endpoint, params };
    }
    return undefined;
  };
}

function isRoutes(handler: unknown): handler is readonly Route<never>[] {
  return Array.isArray(handler);
}

/** How requests are judged. `hosts` may change, once the address is known. */
export function policyOf<Data>(
  hosts: NonNullable<AdmissionPolicy["hosts"]>,
  endpointAt: FindEndpoint<Data>,
): JudgementPolicy & { hosts: NonNullable<AdmissionPolicy["hosts"]> } {
  return {
    hosts,
    originsOn(path) {
      const found = endpointAt(path);
      return found && (found.endpoint.options.origins ?? "same-host");
    },
  };
}
