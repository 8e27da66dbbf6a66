/** Passport, as docs/MOUNTING.md says: whoever it has signed in is known in upgrade(). */
import assert from "node:assert/strict";
import { connect, HandshakeError, serve } from "../../mod.ts";
import { test } from "../harness.ts";

// The packages have no types, and only this test needs them.
// deno-lint-ignore no-explicit-any
type Untyped = any;

async function load(name: string): Promise<Untyped> {
  return (await import(name)).default;
}

test("Passport: who has signed in is the context of upgrade()", async () => {
  const [express, session, passport, { Strategy }] = await Promise.all(
    ["express", "express-session", "passport", "passport-local"].map(load),
  );
  passport.use(
    new Strategy((name: string, password: string, done: (error: null, user: unknown) => void) => {
      done(null, password === "secret" ? { name } : false);
    }),
  );
  passport.serializeUser((user: { name: string }, done: (error: null, id: string) => void) =>
    done(null, user.name)
  );
  passport.deserializeUser((name: string, done: (error: null, user: object) => void) => done(null, { name }));
  const sessions = session({ secret: "change me", resave: false, saveUninitialized: false });
  const signedIn = passport.session();
  const app = express();
  app.use(sessions, signedIn, express.urlencoded());
  app.post(
    "/login",
    passport.authenticate("local"),
    (_: Untyped, response: Untyped) => response.end("welcome"),
  );
  const server = await serve<string, string | undefined>({
    port: 0,
    http: app,
    path: "/chat",
    context: (incoming) =>
      new Promise((resolve, reject) => {
        const request: Untyped = incoming;
        const next = (error?: Error): void => error ? reject(error) : resolve(request.user?.name);
        sessions(request, {}, () => signedIn(request, {}, next));
      }),
    upgrade: (_, user) => user === undefined ? new Response(null, { status: 401 }) : { data: user },
  }, { message: (socket, text) => socket.send(`${socket.data}: ${text}`) });
  const url = `ws://127.0.0.1:${server.port}/chat`;
  const signIn = async (password: string): Promise<Response> => {
    const body = new URLSearchParams({ username: "ada", password });
    const response = await fetch(`http://127.0.0.1:${server.port}/login`, { method: "POST", body });
    await response.text();
    return response;
  };
  assert.equal((await signIn("wrong")).status, 401);
  const refused = (error: unknown): boolean => error instanceof HandshakeError && error.status === 401;
  await assert.rejects(connect(url), refused);
  const cookie = (await signIn("secret")).headers.get("set-cookie")!.split(";")[0]!;
  await assert.rejects(connect(url, { headers: { cookie: `${cookie}x` } }), refused);
  const socket = await connect(url, { headers: { cookie } });
  socket.send("hi");
  for await (const message of socket) {
    assert.equal(message, "ada: hi");
    break;
  }
  await server.shutdown();
}, { leaks: "the frameworks keep timers, and fetch its connections" });
