/**
 * The handler types, independent of the class that the application sees.
 *
 * @module
 */
import type { Close } from "../protocol/errors.ts";
import type { Message } from "./message.ts";

/** See {@linkcode ConnectionCallbacks}. */
export interface CallbacksOf<Socket> {
  /** The opening handshake is done. */
  open?(socket: Socket): unknown;
  /** A message arrived. */
  message?(socket: Socket, message: Message): unknown;
  /** The connection has ended. */
  close?(socket: Socket, close: Close): unknown;
}

/** See {@linkcode ConnectionHandler}. */
export type HandlerOf<Socket> = ((socket: Socket) => unknown) | CallbacksOf<Socket>;
