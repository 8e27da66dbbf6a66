/** Clients that talk, in a process of their own. */
import { speak } from "./speaking.ts";
import { TalkingClients, type TalkingClientsOptions } from "./talking_clients.ts";

let clients: TalkingClients | undefined;

speak(0, async (question) => {
  switch (question.do) {
    case "begin":
      clients = await TalkingClients.connect(question.options as TalkingClientsOptions);
      return;
    case "report":
      return await clients!.report(Number(question.patience));
  }
  throw new Error(`Cannot "${question.do}".`);
});
