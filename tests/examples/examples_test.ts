import { test } from "../harness.ts";
import { examples } from "./generated/index.ts";
import { shutdownServers } from "./tracked.ts";

for (const [title, load] of examples) {
  test(`the example runs: ${title}`, async () => {
    const log = console.log;
    console.log = () => {};
    try {
      await load();
    } finally {
      console.log = log;
      await shutdownServers();
    }
  });
}
