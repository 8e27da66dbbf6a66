/** The part of npm's `ws` that the bench uses: the package has no types. */
import type { Buffer } from "node:buffer";
import type { AddressInfo } from "node:net";

/** A connection. */
export interface WsSocket {
  readonly readyState: number;
  send(data: Buffer, options: { binary: boolean }): void;
  on(event: "message", listener: (data: Buffer, isBinary: boolean) => void): void;
  on(event: "open", listener: () => void): void;
  on(event: "error", listener: (error: Error) => void): void;
}

/** A server. */
export interface WsServer {
  readonly clients: Set<WsSocket>;
  address(): AddressInfo;
  on(event: "listening", listener: () => void): void;
  on(event: "connection", listener: (socket: WsSocket) => void): void;
}

interface WsPackage {
  readonly WebSocket: {
    new (url: string, options: Record<string, unknown>): WsSocket;
    readonly OPEN: number;
  };
  readonly WebSocketServer: new (options: Record<string, unknown>) => WsServer;
}

// A computed name, so that no compiler looks for its types.
const name: string = "ws";

/** The package. */
export const ws: WsPackage = await import(name);
