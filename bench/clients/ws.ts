/** A client: npm's `ws`. */
import { Buffer } from "node:buffer";
import { ws } from "../servers/ws.ts";
import { counter, floodUrl, TOLD } from "./flood.ts";

const full = counter();
const socket = new ws.WebSocket(floodUrl(), { perMessageDeflate: false });
const told = Buffer.from(TOLD);
socket.on("message", (data, isBinary) => {
  // Text arrives as bytes; a reader would convert it to a string.
  if (!isBinary) data.toString();
  if (full()) socket.send(told, { binary: false });
});
