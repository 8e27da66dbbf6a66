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
export type { AdmissionOptions } from "./src/admission.ts";
export type { Delays } from "./src/backoff.ts";
export { connect, type ConnectOptions } from "./src/client.ts";
export type { CompressionOptions } from "./src/compression.ts";
export type {
  Connection,
  ConnectionCallbacks,
  ConnectionHandler,
  Message,
  ReadyState,
  Sendable,
  SendOptions,
} from "./src/connection.ts";
export type { ConnectionOptions } from "./src/connection_options.ts";
export {
  HandshakeError,
  type HandshakeErrorDetails,
  type HandshakeStep,
} from "./src/handshake/handshake_error.ts";
export type { RequestHead } from "./src/handshake/http_head.ts";
export type { HeaderFields } from "./src/handshake/header_fields.ts";
export type { HandshakeFailureCode } from "./src/handshake/client_handshake.ts";
export type { Refusal, RefusalCode } from "./src/handshake/refusal.ts";
export type { AdmissionPolicy } from "./src/handshake/server_handshake.ts";
export type { HandshakeReport, OpeningOptions, UpgradeResult } from "./src/opening_options.ts";
export {
  type Close,
  ConnectionClosedError,
  type ConnectionLimit,
  ProtocolError,
  WebSocketError,
  type WebSocketErrorCode,
} from "./src/protocol/errors.ts";
export type { LimitCounts, LimitEvent, LimitName } from "./src/limits.ts";
export type { FragmentSource } from "./src/outgoing_stream.ts";
export type { ProxyOptions } from "./src/proxy.ts";
export type { ReconnectFailure } from "./src/reconnect_failure.ts";
export {
  type Reconnecting,
  reconnecting,
  type ReconnectingState,
  type ReconnectOptions,
} from "./src/reconnecting.ts";
export { serve, type ServeOptions, type Server } from "./src/server.ts";
export type { ShutdownOptions } from "./src/shutdown.ts";
export {
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
  SubscribeOptions,
  TopicOptions,
  WhenSlow,
} from "./src/topics/topic_options.ts";
export type { DuplexStream } from "./src/transport/duplex.ts";
export {
  type Acceptor,
  acceptor,
  type AcceptorOptions,
  type UpgradedRequest,
  type UpgradedSocket,
} from "./src/upgrade.ts";
export type { HandshakeRequest } from "./src/web_http.ts";
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
