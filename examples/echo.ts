/** An echo server: `deno run --allow-net examples/echo.ts` here, or on any runtime where woshou is installed. */
import { serve } from "woshou";

const server = await serve({ port: 8000 }, async (socket) => {
  for await (const message of socket) socket.send(message);
});
console.log(`listening on ${server.url}`);
