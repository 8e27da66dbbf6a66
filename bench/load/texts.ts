/** JSON texts as applications send them, with an exact size, generated from a seed. */
import { Buffer } from "node:buffer";

/** Reproducible numbers from 0 up to 1: mulberry32. */
function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

// Four names in eighteen are not ASCII, so that both paths of a UTF-8 decoder are used.
const NAMES =
  "Ada Ben Chidi Dora Emil Fatima Grace Hugo Ines Jonas Kofi Lena Marta Nils Søren Zoë Łukasz 李娜".split(
    " ",
  );
const SURNAMES = "Adeyemi Bauer Costa Dubois Eriksen Fischer Garcia Haddad Ivanov Jansen".split(" ");
const CITIES = "Berlin Lagos Lisbon Lyon Oslo Osaka Porto Quito Riga Seoul Tunis Turin".split(" ");
const WORDS =
  ("the order was late but we can still ship it on monday if nobody objects please look at the draft " +
    "again and tell me what is missing from this list before noon thanks for your help with that").split(" ");
const COLOURS = "amber black blue copper green grey ivory red striped white".split(" ");
const THINGS = "apron|bowl|tea towel|tray|oak chair|reading lamp|wool blanket|wall clock|bread knife"
  .split("|");
const STATES = ["open", "paid", "packed", "shipped", "returned"];
const SYMBOLS = ["BTC-EUR", "ETH-USD", "SOL-EUR", "XMR-USD", "ADA-GBP"];

interface Product {
  readonly sku: string;
  readonly title: string;
  readonly price: number;
}

class Author {
  readonly #random: () => number;

  constructor(seed: number) {
    this.#random = seeded(seed);
  }

  whole(below: number): number {
    return Math.floor(this.#random() * below);
  }

  pick<T>(list: readonly T[]): T {
    return list[this.whole(list.length)]!;
  }

  hex(digits: number): string {
    return Array.from({ length: digits }, () => this.whole(16).toString(16)).join("");
  }

  amount(below: number): number {
    return this.whole(below * 100) / 100;
  }

  time(): string {
    return new Date(1_760_000_000_000 + this.whole(31_536_000_000)).toISOString();
  }

  prose(length: number): string {
    let text = "";
    while (text.length < length) text += `${this.pick(WORDS)} `;
    return text.slice(0, length);
  }

  event(): Record<string, unknown> {
    const at = 1_760_000_000_000 + this.whole(31_536_000_000);
    const sequence = this.whole(1e8);
    switch (this.whole(4)) {
      case 0:
        return { type: "chat", room: this.pick(CITIES), from: this.pick(NAMES), at };
      case 1:
        return {
          type: "trade",
          symbol: this.pick(SYMBOLS),
          price: this.amount(90_000),
          side: this.pick(["buy", "sell"]),
          sequence,
          at,
        };
      case 2:
        return {
          type: "cursor",
          user: this.pick(NAMES),
          x: this.whole(1920),
          y: this.whole(1080),
          down: false,
          at,
        };
      default:
        return {
          type: "reading",
          sensor: this.whole(900),
          celsius: this.amount(40),
          battery: this.amount(1),
          ok: true,
          at,
        };
    }
  }

  product(): Product {
    return {
      sku: `${this.hex(4)}-${this.hex(4)}`,
      title: `${this.pick(COLOURS)} ${this.pick(THINGS)}`,
      price: this.amount(200),
    };
  }

  item(): Record<string, unknown> {
    const { sku, title, price } = this.pick(CATALOGUE);
    return { sku, title, quantity: 1 + this.whole(5), price };
  }

  order(): Record<string, unknown> & { items: unknown[] } {
    return {
      type: "order.updated",
      id: [8, 4, 4, 4, 12].map((digits) => this.hex(digits)).join("-"),
      state: this.pick(STATES),
      updatedAt: this.time(),
      customer: {
        id: this.whole(1e6),
        name: `${this.pick(NAMES)} ${this.pick(SURNAMES)}`,
        city: this.pick(CITIES),
        newsletter: this.whole(2) === 1,
      },
      items: [this.item()],
    };
  }
}

/** What the shop of all the orders sells. */
const CATALOGUE: readonly Product[] = Array.from(
  { length: 100 },
  ((author) => () => author.product())(new Author(1951)),
);

/** The property that pads an object to its size. */
const NOTE = ',"note":"",';

/** Adds entries to a list while it has room for one and for the note. */
function filled(list: unknown[], whole: unknown, size: number, next: () => unknown): void {
  for (;;) {
    list.push(next());
    if (Buffer.byteLength(JSON.stringify(whole)) + NOTE.length > size) break;
  }
  list.pop();
}

function text(author: Author, size: number): Buffer {
  let value: Record<string, unknown>;
  if (size < 512) {
    value = author.event();
  } else if (size < 8192) {
    const order = author.order();
    filled(order.items, order, size, () => author.item());
    value = order;
  } else {
    const orders: unknown[] = [];
    value = { type: "orders.page", page: author.whole(100), of: 100, orders };
    filled(orders, value, size, () => {
      const order = author.order();
      for (let more = author.whole(3); more > 0; more--) order.items.push(author.item());
      return order;
    });
  }
  const bare = JSON.stringify(value);
  const room = size - Buffer.byteLength(bare) - (NOTE.length - 1);
  if (room < 0) throw new RangeError(`There is no JSON text of ${size} bytes here; ask for 128 or more.`);
  return Buffer.from(`${bare.slice(0, -1)},"note":"${author.prose(room)}"}`);
}

/**
 * Different texts of this many UTF-8 bytes: feed events below 512 bytes, one order below 8 KiB, a page of orders
 * above, each padded with prose.
 */
export function jsonTexts(size: number, count: number): Buffer[] {
  const author = new Author(7692);
  return Array.from({ length: count }, () => text(author, size));
}

/** Different texts of this many bytes: similar rows, as in an exported table, cut at the end. */
export function rowTexts(size: number, count: number): Buffer[] {
  return Array.from({ length: count }, (_, index) => {
    let rows = "";
    for (let id = 1000 * index; rows.length < size; id++) {
      rows += `{"id":${(id * 7919) % 100003},"name":"user-${id}","ok":true},`;
    }
    return Buffer.from(rows.slice(0, size));
  });
}
