/**
 * Where timers and handles are made that serve many: whoever needs one first must not lend it the `AsyncLocalStorage`
 * context that it happens to run in.
 *
 * @module
 */
import { AsyncResource } from "node:async_hooks";

// The context in which this module was loaded.
const outermost: AsyncResource = /* @__PURE__ */ new AsyncResource("woshou");

/** Calls back outside of whatever context this is. */
export function inOutermostContext<Value>(call: () => Value): Value {
  return outermost.runInAsyncScope(call);
}
