/**
 * Events of the WebSockets Standard that not every runtime has, and event handler attributes.
 *
 * @module
 */
import { likeInterface } from "./idl.ts";

/** Options of a {@linkcode CloseEvent}. */
export interface CloseEventInit extends EventInit {
  /**
   * Whether both Close frames were exchanged.
   *
   * @default false
   */
  wasClean?: boolean;
  /**
   * The status code sent by the peer.
   *
   * @default 0
   */
  code?: number;
  /**
   * The reason sent by the peer.
   *
   * @default ""
   */
  reason?: string;
}

const PortableCloseEvent = class CloseEvent extends Event {
  readonly #wasClean: boolean;
  readonly #code: number;
  readonly #reason: string;

  constructor(type: string, init: CloseEventInit = {}) {
    super(type, init);
    this.#wasClean = Boolean(init.wasClean);
    // Web IDL, unsigned short: modulo 2 ** 16.
    this.#code = Number(init.code ?? 0) & 0xffff;
    this.#reason = String(init.reason ?? "");
  }

  get wasClean(): boolean {
    return this.#wasClean;
  }

  get code(): number {
    return this.#code;
  }

  get reason(): string {
    return this.#reason;
  }

  static {
    likeInterface(this, ["wasClean", "code", "reason"]);
  }
};

/** The last event of a {@linkcode WebSocket}: how the connection ended. */
export interface CloseEvent extends Event {
  /** Whether both Close frames were exchanged before the connection ended. */
  readonly wasClean: boolean;
  /** The status code sent by the peer; 1005 if its Close frame had none, 1006 if there was no Close frame. */
  readonly code: number;
  /** The reason sent by the peer; often empty. */
  readonly reason: string;
}

/** Constructor of {@linkcode CloseEvent}: the runtime's own class if it has one. Node has none before version 23. */
export const CloseEvent: { new (type: string, init?: CloseEventInit): CloseEvent } =
  (globalThis as { CloseEvent?: typeof CloseEvent }).CloseEvent ?? PortableCloseEvent;

/**
 * The `error` event of a {@linkcode WebSocket}. In the standard it is a plain `Event`, since a web page must not
 * learn why its connection failed; a program may, so this one says why.
 */
export class WebSocketErrorEvent extends Event {
  /** What went wrong: a `HandshakeError`, a `ProtocolError`, a `ConnectionClosedError` and so on. */
  readonly error: Error;

  /** Called by {@linkcode WebSocket}. */
  constructor(error: Error) {
    super("error");
    this.error = error;
  }

  /** The error's message. */
  get message(): string {
    return this.error.message;
  }
}

/** The value of an event handler attribute such as `onmessage`. */
export type EventHandler<Kind> = ((event: Kind) => unknown) | null;

interface Slot {
  value: object;
  readonly listener: (event: Event) => void;
}

/** The event handler attributes of one target (HTML Standard, "event handler IDL attributes"). */
export class EventHandlers {
  readonly #target: EventTarget;
  readonly #slots: Map<string, Slot> = new Map();

  /** Starts without handlers. */
  constructor(target: EventTarget) {
    this.#target = target;
  }

  /** The handler of these events, `null` for none. */
  get<Handler>(type: string): Handler | null {
    return (this.#slots.get(type)?.value ?? null) as Handler | null;
  }

  /**
   * Sets the handler. A new one takes the place of the one before among the listeners; the first one is added at the
   * end. As in Web IDL, anything but an object counts as `null`, and an object that is not callable is kept but not
   * called.
   */
  set(type: string, value: unknown): void {
    const slot = this.#slots.get(type);
    if ((typeof value !== "object" && typeof value !== "function") || value === null) {
      if (slot === undefined) return;
      this.#slots.delete(type);
      this.#target.removeEventListener(type, slot.listener);
    } else if (slot !== undefined) {
      slot.value = value;
    } else {
      const added: Slot = {
        value,
        listener: (event) => {
          if (typeof added.value === "function") added.value.call(this.#target, event);
        },
      };
      this.#slots.set(type, added);
      this.#target.addEventListener(type, added.listener);
    }
  }
}
