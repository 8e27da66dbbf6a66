// Loaded before node:test, which follows every promise with async_hooks, to tell to which test an uncaught error belongs.
// That takes a third of the time of tests with many messages. Without it such an error fails the file. Where node:test
// works otherwise, this changes nothing.
import asyncHooks from "node:async_hooks";
import { syncBuiltinESMExports } from "node:module";

const { createHook } = asyncHooks;
const none = { enable: () => none, disable: () => none };

asyncHooks.createHook = (callbacks) =>
  new Error().stack.includes("node:internal/test_runner") ? none : createHook(callbacks);
syncBuiltinESMExports();
