/** Broadcast: npm's `crossws`, with its own topics. */
import { serve } from "./crossws.ts";

const adapter = await serve({
  open: (peer) => peer.subscribe("all"),
  message: (_peer, message) => adapter.publish("all", message.rawData),
});
