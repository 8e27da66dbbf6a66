/**
 * The protocol without sockets: the opening handshake and everything after it as pure state machines, without
 * runtime, timers or promises (sans I/O).
 *
 * @module
 */
export * from "./handshake/accept_key.ts";
export * from "./handshake/client_handshake.ts";
export * from "./http/header_fields.ts";
export * from "./http/head.ts";
export * from "./handshake/refusal.ts";
export * from "./handshake/admission_policy.ts";
export { readAgain } from "./handshake/request_target.ts";
export { type ConnectRequest, judgeConnect, readConnect } from "./handshake/extended_connect.ts";
export {
  type ElsewhereJudgement,
  judge,
  type Judgement,
  type JudgementPolicy,
  mayNotHaveBody,
  type OpeningJudgement,
  type OpeningRequest,
  pathOf,
  type PlainJudgement,
  type RefusedJudgement,
  ServerHandshake,
} from "./handshake/server_handshake.ts";
export {
  type Acceptance,
  acceptanceText,
  extendedConnectAcceptance,
  refusalBytes,
  refusalResponse,
} from "./handshake/server_response.ts";
export type { Authority } from "./http/authority.ts";
export type { HeaderLine, ResponseMessage } from "./http/response.ts";
export * from "./permessage_deflate/deflate_codec.ts";
export * from "./permessage_deflate/negotiation.ts";
export * from "./permessage_deflate/permessage_deflate.ts";
export type { SlidingWindow } from "./permessage_deflate/sliding_window.ts";
export type { ConnectionState } from "./protocol/connection_state.ts";
export * from "./protocol/errors.ts";
export * from "./protocol/frame_decoder.ts";
export type { MessageCompression } from "./protocol/message_compression.ts";
export type { MessageLimits } from "./protocol/message_assembler.ts";
export * from "./protocol/encoded_message.ts";
export * from "./protocol/protocol.ts";
