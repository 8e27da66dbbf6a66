/** The library as the examples import it, but servers are remembered, so that a test can end what an example leaves. */
import { serve as realServe, type Server } from "../../mod.ts";

export * from "../../mod.ts";

const servers: { shutdown(): Promise<void> }[] = [];

export const serve: typeof realServe = async <Data = undefined, Context = undefined>(
  ...args: Parameters<typeof realServe<Data, Context>>
): Promise<Server<Data>> => {
  const server = await realServe<Data, Context>(...args);
  servers.push(server);
  return server;
};

/** Shuts down every server that an example has started. */
export async function shutdownServers(): Promise<void> {
  await Promise.all(servers.splice(0).map((server) => server.shutdown()));
}
