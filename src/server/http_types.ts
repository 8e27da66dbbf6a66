/**
 * The parts of `node:http` that stand in our declarations. They are written out, so that a project without Node's types
 * can use the library; Node's own types fit.
 *
 * @module
 */

/** The part of an `IncomingMessage` of `node:http` that a `context` hook uses most. */
export interface HttpRequest {
  /** The method. */
  readonly method?: string | undefined;
  /** The request target. */
  readonly url?: string | undefined;
  /** The version, such as `1.1`. */
  readonly httpVersion: string;
  /** The header fields, by their names in lower case. */
  readonly headers: {
    readonly [name: string]: string | string[] | undefined;
    readonly cookie?: string | undefined;
  };
  /** Names and values of the header lines, alternating. */
  readonly rawHeaders: readonly string[];
  /** The connection. */
  readonly socket: { readonly remoteAddress?: string | undefined };
}

/** The part of a `ServerResponse` of `node:http` that a listener uses most. */
export interface HttpResponse {
  /** The status code. */
  statusCode: number;
  /** Sets a header field. */
  setHeader(name: string, value: number | string | readonly string[]): unknown;
  /** Writes the head. */
  writeHead(status: number, headers?: Record<string, number | string | string[]>): unknown;
  /** Writes a piece of the body. */
  write(chunk: string | Uint8Array): boolean;
  /** Ends the response. */
  end(chunk?: string | Uint8Array): unknown;
}

/** A request listener of `node:http`. A method's parameters may be types that have more: Node's own, or a framework's. */
export type HttpListener = {
  listener(request: HttpRequest, response: HttpResponse): unknown;
}["listener"];

/** An `http.Server` of `node:http`. */
export interface HttpServer {
  /** Milliseconds for the head of a request. */
  headersTimeout: number;
  /** Milliseconds for a request. */
  requestTimeout: number;
  /** Milliseconds between two requests. */
  keepAliveTimeout: number;
  /** Gives an event to the listeners. */
  emit(event: string, ...args: unknown[]): boolean;
}
