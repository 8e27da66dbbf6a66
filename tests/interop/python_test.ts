/** Python's `websockets`. */
import { interop } from "./interop.ts";
import { onPython } from "./programs.ts";

const cannot = {
  "show pings": "Python's websockets tells no one of pings",
  "close without a code": "close() of Python's websockets always sends one, 1000 unless told otherwise",
};
interop({
  name: "server of Python's websockets",
  role: "server",
  start: onPython("python.py", "server"),
  cannot,
});
interop({ name: "client of Python's websockets", role: "client", start: onPython("python.py"), cannot });
