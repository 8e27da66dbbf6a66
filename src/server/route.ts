/**
 * Routes: several endpoints on one server, each with its path, options and handler.
 *
 * @module
 */
import type { ConnectionHandler } from "../connection/connection.ts";
import type { ConnectionOptions } from "../connection/options.ts";
import { checkHandler, readOptions } from "../options/read.ts";
import { urlPath } from "../options/values.ts";
import type { EndpointOptions, UpgradeResult } from "./options.ts";
import { PathPattern, type RouteParameters } from "./path_pattern.ts";
import type { HandshakeRequest } from "./web_request.ts";

/** Options of a route. What is not given here is as the options of the server say. */
export interface RouteOptions<Path extends string, Data = undefined, Context = unknown>
  extends Omit<EndpointOptions<Data, Context>, "upgrade">, ConnectionOptions {
  /** Decides about a handshake: see {@linkcode EndpointOptions.upgrade}. The request has the parameters of the path. */
  upgrade?(
    request: HandshakeRequest & { readonly params: RouteParameters<Path> },
    context: Context,
  ): UpgradeResult<Data> | Response | void | Promise<UpgradeResult<Data> | Response | void>;
}

/** A route, made by {@linkcode route}. */
export class Route<Context = unknown> {
  /** The context that it needs, for the compiler alone. */
  declare readonly needs?: (context: Context) => void;
  /** The path, such as `/rooms/:id`. */
  readonly path: string;
  /** The options, after reading. */
  readonly options: object;
  /** The handler. */
  readonly handler: ConnectionHandler<never>;
  readonly #pattern: PathPattern;

  /** Use {@linkcode route}. */
  constructor(path: string, options: object, handler: ConnectionHandler<never>) {
    this.path = path;
    this.options = options;
    this.handler = handler;
    this.#pattern = new PathPattern(path);
  }

  /** The parameters of a path, decoded; `undefined` if it is for another route. */
  match(path: string): Readonly<Record<string, string>> | undefined {
    return this.#pattern.match(path);
  }
}

/**
 * Makes a route for `serve()` and `acceptor()`: a path, whose segments after a colon are parameters, the options of
 * its endpoint, and the handler of its connections. The first route that matches a path is used. All routes of a
 * server have the same topics and the same limits on the number of connections.
 *
 * Throws a `TypeError` for an invalid path or parameter, an unknown option, or one of the wrong type.
 *
 * @example
 * ```ts
 * import { route, serve } from "woshou";
 *
 * const server = await serve({ port: 0 }, [
 *   route("/rooms/:id", { upgrade: ({ params }) => ({ data: { room: params.id } }) }, (socket) => {
 *     socket.subscribe(socket.data.room);
 *     return socket.closed;
 *   }),
 *   route("/echo", { maxMessageSize: 1024 }, async (socket) => {
 *     for await (const message of socket) socket.send(message);
 *   }),
 * ]);
 * await server.shutdown();
 * ```
 */
export function route<const Path extends string, Data = undefined, Context = unknown>(
  path: Path,
  options: RouteOptions<Path, Data, Context>,
  handler: ConnectionHandler<Data>,
): Route<Context> {
  const read = readOptions("route()", options);
  checkHandler("route()", handler);
  return new Route(urlPath(path, "path"), read, handler as ConnectionHandler<never>);
}
