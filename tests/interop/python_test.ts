/** Python's `websockets`. */
import { agreements } from "./compression.ts";
import { interop, interopCompressed } from "./interop.ts";
import { onPython } from "./programs.ts";

const cannot = {
  "show pings": "Python's websockets tells no one of pings",
  "close without a code": "close() of Python's websockets always sends one, 1000 unless told otherwise",
};
interop({
  name: "server of Python's websockets",
  role: "server",
  start: onPython(["websockets"], "python.py", "server"),
  cannot,
});
interop({
  name: "client of Python's websockets",
  role: "client",
  start: onPython(["websockets"], "python.py"),
  cannot,
});

for (const role of ["server", "client"] as const) {
  for (const [compression, parameters] of agreements) {
    const start = onPython(["websockets"], "python.py", role, compression);
    interopCompressed(
      { name: `${role} of Python's websockets, ${compression}`, role, start, cannot },
      parameters,
    );
  }
}
