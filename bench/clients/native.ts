/** A client: the runtime's own `WebSocket`. */
import { counter, floodUrl, TOLD } from "./flood.ts";

const full = counter();
const socket = new WebSocket(floodUrl());
socket.onmessage = () => {
  if (full()) socket.send(TOLD);
};
socket.onerror = () => {
  throw new Error("The runtime's own WebSocket failed.");
};
