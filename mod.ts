/**
 * woshou (握手, "handshake"): WebSockets for Node, Deno and Bun, the same on each.
 *
 * @example An echo server
 * ```ts
 * import { serve } from "woshou";
 *
 * const server = await serve({ port: 0 }, async (socket) => {
 *   for await (const message of socket) socket.send(message);
 * });
 * console.log(`listening on ${server.url}`);
 * await server.shutdown();
 * ```
 *
 * @module
 */
export type { AdmissionOptions } from "./src/server/admission.ts";
export type { Delays } from "./src/reconnecting/backoff.ts";
export { connect } from "./src/client/connect.ts";
export { type ConnectOptions } from "./src/client/options.ts";
export type { CompressionOptions } from "./src/compression/options.ts";
export type { Connection, ConnectionCallbacks, ConnectionHandler } from "./src/connection/connection.ts";
export type { Message, ReadyState, Sendable, SendOptions } from "./src/connection/message.ts";
export type { ConnectionOptions } from "./src/connection/options.ts";
export {
  HandshakeError,
  type HandshakeErrorDetails,
  type HandshakeStep,
} from "./src/handshake/handshake_error.ts";
export type { RequestHead } from "./src/http/head.ts";
export type { HeaderFields } from "./src/http/header_fields.ts";
export type { HandshakeFailureCode } from "./src/handshake/client_handshake.ts";
export type { Refusal, RefusalCode } from "./src/handshake/refusal.ts";
export type { AdmissionPolicy } from "./src/handshake/admission_policy.ts";
export type {
  EndpointOptions,
  HandshakeReport,
  OpeningOptions,
  UpgradeResult,
} from "./src/server/options.ts";
export {
  type Close,
  ConnectionClosedError,
  type ConnectionLimit,
  ProtocolError,
  WebSocketError,
  type WebSocketErrorCode,
} from "./src/protocol/errors.ts";
export type { LimitCounts, LimitEvent, LimitName } from "./src/connection/limits.ts";
export type { FragmentSource } from "./src/connection/outgoing_stream.ts";
export type { ProxyOptions } from "./src/client/proxy.ts";
export type { ReconnectFailure } from "./src/reconnecting/failure.ts";
export {
  type Reconnecting,
  reconnecting,
  type ReconnectingState,
  type ReconnectOptions,
} from "./src/reconnecting/reconnecting.ts";
export { type NeedsContext, serve, type ServeOptions, type Server } from "./src/server/serve.ts";
export type { ShutdownOptions } from "./src/server/shutdown.ts";
export {
  type CertifiedKey,
  type ClientCertificate,
  type TlsClientOptions,
  type TlsServerOptions,
  TransportError,
  type TransportErrorCode,
} from "./src/transport/transport.ts";
export type { RelayedMessage, RelayLink, TopicRelay } from "./src/topics/relay.ts";
export type {
  Publication,
  Publisher,
  PublishOptions,
  SlowSubscriberEvent,
  TopicOptions,
} from "./src/topics/options.ts";
export type { SubscribeOptions, WhenSlow } from "./src/connection/subscriptions.ts";
export type { DuplexStream } from "./src/transport/duplex.ts";
export {
  type Acceptor,
  acceptor,
  type AcceptorOptions,
  type Http2Context,
  type UpgradedSocket,
} from "./src/server/acceptor.ts";
export type { CertifiedSocket } from "./src/transport/client_certificate.ts";
export type { Http2Headers, Http2Server } from "./src/server/extended_connect.ts";
export type { Http2Stream } from "./src/transport/http2_stream.ts";
export type { UpgradedRequest } from "./src/http/without_upgrade.ts";
export type { ParameterNames, RouteParameters } from "./src/server/path_pattern.ts";
export { type Route, route, type RouteOptions } from "./src/server/route.ts";
export type { HttpListener, HttpRequest, HttpResponse, HttpServer } from "./src/server/http_types.ts";
export type { HandshakeRequest } from "./src/server/web_request.ts";
export { CloseEvent, type CloseEventInit, type EventHandler, WebSocketErrorEvent } from "./src/web/events.ts";
export {
  type BinaryType,
  WebSocket,
  type WebSocketEvents,
  type WebSocketListener,
  type WebSocketOptions,
} from "./src/web/websocket.ts";
export {
  type WebSocketOpenInfo,
  WebSocketStream,
  type WebSocketStreamOptions,
} from "./src/web/websocket_stream.ts";
export { type WebSocketCloseInfo, WebSocketStreamError } from "./src/web/websocket_stream_error.ts";
