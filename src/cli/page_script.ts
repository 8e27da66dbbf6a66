/**
 * The script of the page: opens WebSockets, asks the server about each, and shows the answer. Network data is always
 * set as text, never as HTML.
 *
 * @module
 */

/** JavaScript for the browser. */
export const PAGE_SCRIPT: string = String.raw`
const $ = (id) => document.getElementById(id);
const show = (id, visible) => { $(id).hidden = !visible; };

const OUTCOMES = {
  opening: ["握手", "handshake"],
  succeeded: ["握手成功", "handshake succeeded"],
  failed: ["握手失败", "handshake failed"],
};
const MATTERS = /^(host|upgrade|connection|origin|sec-websocket-.*)$/i;
const CULPRITS = {
  "origin-not-allowed": "origin",
  "host-not-allowed": "host",
  "subprotocol-unsupported": "sec-websocket-protocol",
};

let socket;
let busy = false;

function address(host, id) {
  const url = new URL(id === undefined ? "." : "?page=" + id, location.href);
  url.protocol = url.protocol === "https:" ? "wss:" : "ws:";
  url.host = host;
  return url.href;
}

function randomId() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}

function tell(state, gist) {
  document.documentElement.dataset.state = state;
  [$("headline").textContent, $("subline").textContent] = OUTCOMES[state];
  $("gist").textContent = gist;
}

function element(name, className, text) {
  const made = document.createElement(name);
  if (className !== "") made.className = className;
  made.textContent = text;
  return made;
}

function showHead(target, text, marks) {
  const end = text.indexOf("\r\n\r\n");
  const lines = (end === -1 ? text : text.slice(0, end)).split("\r\n");
  target.replaceChildren(...lines.map((line, index) => {
    const colon = index === 0 ? -1 : line.indexOf(":");
    if (colon === -1) return element("span", "line start", line);
    const name = line.slice(0, colon);
    const mark = marks[name.toLowerCase()];
    const row = element("span", MATTERS.test(name) ? "line" : "line quiet", name + ": ");
    row.append(element(mark === undefined ? "span" : "mark", mark ?? "", line.slice(colon + 1).trim()));
    return row;
  }));
  const body = end === -1 ? "" : text.slice(end + 4).trimEnd();
  if (body !== "") target.append(element("span", "line body", body));
}

function showRefusal({ code, status, section, message }) {
  $("refusal-message").textContent = message;
  $("refusal-status").textContent = status;
  $("refusal-code").textContent = code;
  $("refusal-section").textContent = section;
  const parts = /^RFC (\d+), section ([\d.]+)$/.exec(section);
  if (parts !== null) $("refusal-section").href = "https://www.rfc-editor.org/rfc/rfc" + parts[1] + "#section-" + parts[2];
}

function showRecord(record, opened) {
  const { request, response, steps, refusal } = record ?? {};
  show("exchange", record !== undefined);
  show("accept-step", steps !== undefined);
  show("refusal", refusal !== undefined);
  if (record === undefined) return;
  const culprit = CULPRITS[refusal?.code] ?? (steps && !opened ? "sec-websocket-protocol" : "");
  showHead($("request"), request, { "sec-websocket-key": steps ? "key" : undefined, [culprit]: "culprit" });
  showHead($("response"), response, { "sec-websocket-accept": "accept" });
  if (refusal !== undefined) showRefusal(refusal);
  $("response-note").textContent = steps === undefined
    ? "The browser hides this response: it only tells the page that something failed."
    : opened
    ? "The browser computes the same and compares. From here on, the connection is a WebSocket."
    : "The proof is right, and yet the browser did not accept it.";
  for (const name of Object.keys(steps ?? {})) {
    $("step-" + name).textContent = name === "sha1" ? steps.sha1.replace(/../g, "$& ").trim() : steps[name];
  }
}

async function recordOf(id) {
  try {
    const response = await fetch("handshake?page=" + id, { headers: { accept: "application/json" } });
    return { reached: true, record: response.ok ? await response.json() : undefined };
  } catch {
    return { reached: false };
  }
}

function gistOf({ opened, milliseconds, reached, record, protocols }) {
  if (opened && record === undefined) return "It took " + milliseconds + " ms. The server no longer has it on record.";
  if (opened) return "Your browser and this server opened a WebSocket in " + milliseconds + " ms. This is what they said to each other.";
  if (record?.outcome === "refused") return "The server refused with " + record.refusal.status + " and says why.";
  if (record !== undefined && protocols.length > 0) {
    return "The server accepted without a subprotocol. The browser had asked for one, so it hung up (RFC 6455, section 4.1).";
  }
  if (record !== undefined) return "The server accepted, but the connection ended before the browser accepted it.";
  return reached
    ? "No opening handshake of this page reached the server: something on the way dropped it, or that name does not resolve to it."
    : "The server does not answer. Has it stopped?";
}

function say(kind, text) {
  const sign = { sent: "→", received: "←", ended: "·" }[kind];
  const item = element("p", kind, text);
  item.dataset.sign = sign;
  $("messages").append(item);
  $("messages").scrollTop = $("messages").scrollHeight;
}

function send(text) {
  if (socket?.readyState !== WebSocket.OPEN) return;
  say("sent", text);
  socket.send(text);
}

async function attempt({ host = location.host, protocols = [] } = {}) {
  begin();
  const id = randomId();
  const began = performance.now();
  const mine = socket = new WebSocket(address(host, id), protocols);
  const opened = await new Promise((resolve) => {
    mine.onopen = () => resolve(true);
    mine.onclose = () => resolve(false);
  });
  const milliseconds = Math.max(1, Math.round(performance.now() - began));
  if (opened) {
    mine.onmessage = ({ data }) => say("received", typeof data === "string" ? data : "binary");
    mine.onclose = ({ code, reason }) => mine === socket && ended(code, reason);
  }
  const { reached, record } = await recordOf(id);
  showRecord(record, opened);
  tell(opened ? "succeeded" : "failed", gistOf({ opened, milliseconds, reached, record, protocols }));
  show("talk", opened);
  if (opened && mine.readyState === WebSocket.OPEN) send("你好, woshou");
  finish(opened);
}

function ended(code, reason) {
  say("ended", "The connection ended: " + code + (reason === "" ? "" : " " + reason) + ".");
  $("send").querySelector("button").disabled = true;
  show("try-again", true);
}

async function attemptPlain() {
  begin();
  try {
    const response = await fetch(".", { headers: { accept: "text/plain, application/json" } });
    const refusal = await response.json();
    showRecord(undefined);
    show("refusal", true);
    showRefusal(refusal);
    tell("failed", "The server refused with " + response.status + " and says why.");
  } catch {
    showRecord(undefined);
    tell("failed", gistOf({ reached: false }));
  }
  finish(false);
}

function begin() {
  busy = true;
  const old = socket;
  socket = undefined;
  old?.close();
  tell("opening", "Opening a WebSocket to this server.");
  show("talk", false);
  $("messages").replaceChildren();
  $("send").querySelector("button").disabled = false;
}

function finish(opened) {
  busy = false;
  show("try-again", !opened);
}

function onPress(id, action) {
  $(id).querySelector("button").addEventListener("click", () => {
    if (busy) return;
    scrollTo({ top: 0 });
    void action();
  });
}

const OTHER_NAMES = { localhost: "127.0.0.1", "127.0.0.1": "localhost", "[::1]": "localhost" };
const otherName = OTHER_NAMES[location.hostname];
show("try-origin", otherName !== undefined);
$("url").textContent = address(location.host);
$("send").addEventListener("submit", (event) => {
  event.preventDefault();
  send($("text").value);
  $("text").value = "";
});
onPress("try-origin", () => attempt({ host: location.host.replace(location.hostname, otherName) }));
onPress("try-protocol", () => attempt({ protocols: ["tea.v1"] }));
onPress("try-plain", attemptPlain);
onPress("try-again", attempt);
void attempt();
`;
