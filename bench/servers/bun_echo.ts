/** Echo: `Bun.serve`. */
import { serveWebSockets } from "./bun.ts";
import { serving } from "./serving.ts";

serving(serveWebSockets({ message: (socket, message) => void socket.send(message) }).port);
