/** A page of a browser as a peer. */
import process from "node:process";
import { type Order, takeOrders, type Visit } from "./program.ts";

/** What drives a page, whichever the browser. */
export interface DrivenPage {
  goto(url: string): Promise<unknown>;
  evaluate(run: (order: Order) => void, order: Order): Promise<unknown>;
}

/** Runs inside the page, so that it can use nothing of this module. What it logs are its reports. */
function openInPage({ connect, protocols }: Order): void {
  const socket = new WebSocket(connect, [...protocols]);
  let open = false;
  socket.binaryType = "arraybuffer";
  socket.onopen = () => {
    open = true;
    console.log(JSON.stringify({ event: "open", protocol: socket.protocol, extensions: socket.extensions }));
  };
  socket.onerror = () => {
    if (!open) console.log(JSON.stringify({ event: "refused", message: "" }));
  };
  socket.onmessage = ({ data }) => {
    if (typeof data !== "string" || !data.startsWith("peer:")) return socket.send(data);
    const { code, reason } = JSON.parse(data.slice("peer:".length));
    socket.close(code, reason);
  };
  socket.onclose = ({ code, reason, wasClean }) => {
    if (open) console.log(JSON.stringify({ event: "close", code, reason, wasClean }));
  };
}

async function obey(page: DrivenPage, order: Order | Visit): Promise<void> {
  if ("visit" in order) return void await page.goto(order.visit);
  // A page of the server's own, since the server admits no other's.
  const { origin } = new URL(order.connect.replace(/^ws/, "http"));
  await page.goto(`${origin}/page`);
  await page.evaluate(openInPage, order);
}

/** Passes on what the page has logged. */
export function passOn(message: { type(): string; text(): string }): void {
  if (message.type() === "log") process.stdout.write(`${message.text()}\n`);
}

/** Obeys orders until there are no more. */
export async function driveByOrders(page: DrivenPage): Promise<void> {
  let obeying = Promise.resolve();
  await new Promise<void>((end) => {
    takeOrders<Order | Visit>((order) => obeying = obeying.then(() => obey(page, order)), end);
  });
}
