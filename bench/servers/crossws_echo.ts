/** Echo: npm's `crossws`. */
import { serve } from "./crossws.ts";

await serve({ message: (peer, message) => void peer.send(message.rawData) });
