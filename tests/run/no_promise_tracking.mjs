// Loaded before node:test, which tracks every promise with async_hooks to find out which test an uncaught error belongs to.
// That costs a third of the CPU of tests with many messages. Without it such an error fails the file instead of the test. If
// node:test works differently in some version, this has no effect.
import asyncHooks from "node:async_hooks";
import { syncBuiltinESMExports } from "node:module";

const { createHook } = asyncHooks;
const none = { enable: () => none, disable: () => none };

asyncHooks.createHook = (callbacks) =>
  new Error().stack.includes("node:internal/test_runner") ? none : createHook(callbacks);
syncBuiltinESMExports();
