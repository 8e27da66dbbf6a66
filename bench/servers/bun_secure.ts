/** Echo over TLS: `Bun.serve`. */
import { serveWebSockets } from "./bun.ts";
import { secrets } from "./secrets.ts";
import { serving } from "./serving.ts";

serving(serveWebSockets({ message: (socket, message) => void socket.send(message) }, secrets).port);
