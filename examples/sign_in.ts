/** Decides about each handshake by a token, and greets by name: the user's name reaches the handler with its type. */
import { connect, HandshakeError, serve } from "woshou";

const users = new Map([["Bearer let-me-in", "ada"]]);

const server = await serve({
  port: 8000,
  upgrade(request) {
    const name = users.get(request.headers.get("authorization") ?? "");
    if (name === undefined) {
      return new Response("Sign in first\n", { status: 401, headers: { "www-authenticate": "Bearer" } });
    }
    return { data: { name } };
  },
}, {
  open: (socket) => void socket.send(`hello ${socket.data.name}`),
});

try {
  await connect(server.url);
} catch (error) {
  if (!(error instanceof HandshakeError)) throw error;
  console.log(error.status, error.message);
}
const socket = await connect(server.url, { headers: { authorization: "Bearer let-me-in" } });
for await (const message of socket) {
  console.log(message);
  break;
}
await socket.close();
