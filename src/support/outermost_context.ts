/**
 * Shared timers and handles are created here, outside the `AsyncLocalStorage` context of whoever happens to need one
 * first.
 *
 * @module
 */
import { AsyncResource } from "node:async_hooks";

// The context in which this module was loaded.
const outermost: AsyncResource = /* @__PURE__ */ new AsyncResource("woshou");

/** Calls back outside the current context. */
export function inOutermostContext<Value>(call: () => Value): Value {
  return outermost.runInAsyncScope(call);
}
