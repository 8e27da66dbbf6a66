/** The same application, written for each framework. */
import type { IncomingMessage, Server as HttpServer, ServerResponse } from "node:http";
import type { ServeOptions } from "../../mod.ts";

/** What an application needs to run behind serve(). */
export interface Application {
  readonly options: Pick<ServeOptions, "http" | "fetch">;
  /** Lets the stream of events go on. */
  next(): void;
}

/** Makes the application. */
export type MakeApplication = () => Promise<Application>;

/** Its packages have no types here, or other ones than we need. */
// deno-lint-ignore no-explicit-any
export const load = async (name: string): Promise<any> => await import(name);

const EVENT_STREAM = { "content-type": "text/event-stream" };

/** The body of a web response: one event at once, another when `next()` is called. */
function events(): { stream: ReadableStream<Uint8Array>; next(): void } {
  const encoder = new TextEncoder();
  let next = (): void => {};
  const stream = new ReadableStream<Uint8Array>({
    start(controller) {
      controller.enqueue(encoder.encode("data: first\n\n"));
      next = () => {
        controller.enqueue(encoder.encode("data: second\n\n"));
        controller.close();
      };
    },
  });
  return { stream, next: () => next() };
}

/** The same over node:http. */
function sendEvents(response: ServerResponse): () => void {
  response.writeHead(200, EVENT_STREAM);
  response.write("data: first\n\n");
  return () => response.end("data: second\n\n");
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  let text = "";
  for await (const chunk of request) text += String(chunk);
  return text;
}

const express: MakeApplication = async () => {
  const { default: makeExpress } = await load("express");
  const app = makeExpress();
  let next = (): void => {};
  app.use(makeExpress.text({ type: "*/*" }));
  app.get("/hello/:name", (request: { params: { name: string } }, response: { send(text: string): void }) => {
    response.send(`Hello ${request.params.name}`);
  });
  app.get("/events", (_: unknown, response: ServerResponse) => {
    next = sendEvents(response);
  });
  app.all("/body", (request: { method: string; body?: unknown }, response: { send(text: string): void }) => {
    response.send(`${request.method} ${typeof request.body === "string" ? request.body : ""}`);
  });
  return { options: { http: app }, next: () => next() };
};

const fastify: MakeApplication = async () => {
  const { default: makeFastify } = await load("fastify");
  const app = makeFastify();
  let next = (): void => {};
  app.addContentTypeParser(
    "*",
    { parseAs: "string" },
    (_: unknown, body: string, done: (error: null, body: string) => void) => done(null, body),
  );
  app.get("/hello/:name", (request: { params: { name: string } }) => `Hello ${request.params.name}`);
  app.get("/events", (_: unknown, reply: { hijack(): void; raw: ServerResponse }) => {
    reply.hijack();
    next = sendEvents(reply.raw);
  });
  app.all("/body", (request: { method: string; body?: string }) => `${request.method} ${request.body ?? ""}`);
  await app.ready();
  return { options: { http: app.server as HttpServer }, next: () => next() };
};

const koa: MakeApplication = async () => {
  const { default: Koa } = await load("koa");
  const app = new Koa();
  let next = (): void => {};
  app.use(
    async (
      context: {
        method: string;
        path: string;
        body: unknown;
        respond: boolean;
        req: IncomingMessage;
        res: ServerResponse;
      },
    ) => {
      if (context.path.startsWith("/hello/")) context.body = `Hello ${context.path.slice(7)}`;
      else if (context.path === "/body") context.body = `${context.method} ${await bodyOf(context.req)}`;
      else if (context.path === "/events") {
        context.respond = false;
        next = sendEvents(context.res);
      }
    },
  );
  return { options: { http: app.callback() }, next: () => next() };
};

const hono: MakeApplication = async () => {
  const { Hono } = await load("hono");
  const app = new Hono();
  let next = (): void => {};
  app.get(
    "/hello/:name",
    (c: { req: { param(name: string): string }; text(text: string): Response }) =>
      c.text(`Hello ${c.req.param("name")}`),
  );
  app.get("/events", () => {
    const body = events();
    next = body.next;
    return new Response(body.stream, { headers: EVENT_STREAM });
  });
  app.all(
    "/body",
    async (c: { req: { method: string; text(): Promise<string> }; text(text: string): Response }) =>
      c.text(`${c.req.method} ${await c.req.text()}`),
  );
  return { options: { fetch: app.fetch }, next: () => next() };
};

const honoOnNode: MakeApplication = async () => {
  const { getRequestListener } = await load("@hono/node-server");
  const { options: { fetch }, ...rest } = await hono();
  return { options: { http: getRequestListener(fetch, { overrideGlobalObjects: false }) }, ...rest };
};

const elysia: MakeApplication = async () => {
  const { Elysia } = await load("elysia");
  let next = (): void => {};
  const app = new Elysia()
    .get("/hello/:name", ({ params }: { params: { name: string } }) => `Hello ${params.name}`)
    .get("/events", () => {
      const body = events();
      next = body.next;
      return new Response(body.stream, { headers: EVENT_STREAM });
    })
    .all("/body", async ({ request }: { request: Request }) => `${request.method} ${await request.text()}`, {
      parse: "none",
    });
  return { options: { fetch: app.fetch }, next: () => next() };
};

const bare: MakeApplication = () => {
  let next = (): void => {};
  const http = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    if (request.url === "/events") next = sendEvents(response);
    else if (request.url === "/body") response.end(`${request.method} ${await bodyOf(request)}`);
    else response.end(`Hello ${request.url!.slice(7)}`);
  };
  return Promise.resolve({ options: { http }, next: () => next() });
};

/** The applications, by the name of their framework. */
export const APPLICATIONS: readonly [name: string, make: MakeApplication][] = [
  ["node:http", bare],
  ["Express", express],
  ["Fastify", fastify],
  ["Koa", koa],
  ["Hono", hono],
  ["Hono by @hono/node-server", honoOnNode],
  ["Elysia", elysia],
];
