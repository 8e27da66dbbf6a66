/** A client: woshou. */
import { connect } from "../../mod.ts";
import { counter, floodUrl, TOLD } from "./flood.ts";

const full = counter();
await connect(floodUrl(), {}, {
  message(socket, _message) {
    if (full()) socket.send(TOLD);
  },
});
