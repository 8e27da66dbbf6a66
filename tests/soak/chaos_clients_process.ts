/** The clients of the chaos test, in a process of their own. */
import { ChaosClients, type ChaosClientsOptions } from "./chaos_clients.ts";
import { speak } from "./speaking.ts";

let clients: ChaosClients | undefined;

speak(0, async (question) => {
  switch (question.do) {
    case "begin":
      clients = new ChaosClients(question.options as ChaosClientsOptions);
      return;
    case "report":
      return await clients!.report(Number(question.patience));
  }
  throw new Error(`Cannot "${question.do}".`);
});
