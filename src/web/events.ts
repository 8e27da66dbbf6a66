/**
 * The events of the WebSockets Standard that not every runtime has, and event handler attributes.
 *
 * @module
 */
import { likeInterface } from "./idl.ts";

/** What a {@linkcode CloseEvent} is made of. */
export interface CloseEventInit extends EventInit {
  /**
   * Whether Close frames went both ways.
   *
   * @default false
   */
  wasClean?: boolean;
  /**
   * The status code that the peer sent.
   *
   * @default 0
   */
  code?: number;
  /**
   * The reason that the peer sent.
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
  /** Whether Close frames went both ways before the connection ended. */
  readonly wasClean: boolean;
  /** The status code that the peer sent; 1005 when its Close frame held none, 1006 when none came. */
  readonly code: number;
  /** The reason that the peer sent with it; often empty. */
  readonly reason: string;
}

/** Makes {@linkcode CloseEvent}s: the runtime's own class where it has one. Node has none before version 23. */
export const CloseEvent: { new (type: string, init?: CloseEventInit): CloseEvent } =
  (globalThis as { CloseEvent?: typeof CloseEvent }).CloseEvent ?? PortableCloseEvent;

/**
 * The `error` event of a {@linkcode WebSocket}. The standard's is a plain `Event`, for a page must not learn why its
 * connection failed; a program may, so that this one tells.
 */
export class WebSocketErrorEvent extends Event {
  /** What went wrong: a `HandshakeError`, a `ProtocolError`, a `ConnectionClosedError` and so on. */
  readonly error: Error;

  /** Made by {@linkcode WebSocket}. */
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

  /** None is set at first. */
  constructor(target: EventTarget) {
    this.#target = target;
  }

  /** The handler of these events, `null` for none. */
  get<Handler>(type: string): Handler | null {
    return (this.#slots.get(type)?.value ?? null) as Handler | null;
  }

  /**
   * Sets it. A new one takes the place of the one before among the listeners; without one before it comes last. What is
   * no object counts as `null`, and what cannot be called is kept and not called, as Web IDL has it.
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
