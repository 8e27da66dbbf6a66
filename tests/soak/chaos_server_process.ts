/** The server of the chaos test, in a process of its own. Its first argument holds the options, as JSON. */
import process from "node:process";
import { ChaosServer } from "./chaos_server.ts";
import { speak } from "./speaking.ts";

const server = await ChaosServer.start(JSON.parse(process.argv[2]!));

speak(server.server.port, async (question) => {
  switch (question.do) {
    case "calm":
      return server.calm();
    case "report":
      return await server.report(Number(question.patience), Number(question.nextSeed));
    case "shutdown":
      return await server.shutdown(Number(question.deadline));
  }
  throw new Error(`Cannot "${question.do}".`);
});
