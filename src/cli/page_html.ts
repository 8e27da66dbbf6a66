/**
 * The HTML of the page. A string, because the server may run without permission to read files.
 *
 * @module
 */
import { PAGE_SCRIPT } from "./page_script.ts";
import { PAGE_STYLE } from "./page_style.ts";
import { VERSION } from "./version.ts";

// Two halves of one tally: the browser's and the server's.
const CUT = "L60 82 40 82 40 60 80 60 80 38 60 38Z";
const LEFT = `M60 10A50 50 0 0 0 60 110${CUT}`;
const RIGHT = `M60 10A50 50 0 0 1 60 110${CUT}`;

const ICON = encodeURIComponent(
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="4 4 112 112"><g stroke="#fff" stroke-width="3">` +
    `<path fill="#2d4bb0" d="${LEFT}"/><path fill="#0c7f63" d="${RIGHT}"/></g></svg>`,
);

/** The page's HTML. */
export const PAGE_HTML: string = `<!doctype html>
<html lang="en" data-state="opening">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>woshou</title>
<link rel="icon" href="data:image/svg+xml,${ICON}">
<style>${PAGE_STYLE}</style>
</head>
<body>
<main>
<header>
  <svg class="tally" viewBox="-10 4 140 112" aria-hidden="true"><path d="${LEFT}"/><path d="${RIGHT}"/></svg>
  <div id="status" role="status" aria-live="polite" aria-atomic="true">
    <h1><span id="headline" lang="zh-Hans">握手</span> <span id="subline">handshake</span></h1>
    <p id="gist">Opening a WebSocket to this server.</p>
  </div>
  <noscript><p>This page opens a WebSocket by JavaScript, which is switched off here.</p></noscript>
</header>

<section id="refusal" aria-labelledby="refusal-title" hidden>
  <h2 id="refusal-title">Why</h2>
  <p id="refusal-message"></p>
  <p class="reference"><code id="refusal-status"></code> <code id="refusal-code"></code> <a id="refusal-section" rel="noreferrer"></a></p>
</section>

<section id="exchange" aria-label="The opening handshake as it happened" hidden>
  <article class="from-browser" id="request-step">
    <h2>The browser asks</h2>
    <p>The request, as the server received it.</p>
    <pre id="request"></pre>
  </article>
  <article class="in-server" id="accept-step">
    <h2>The server proves that it understood</h2>
    <p>It appends the fixed GUID of <a href="https://www.rfc-editor.org/rfc/rfc6455#section-4.2.2" rel="noreferrer">the protocol</a> to the browser’s key and sends back the digest of both. A server without WebSocket support would not do this.</p>
    <dl>
      <div><dt>key</dt><dd><mark class="key" id="step-key"></mark></dd></div>
      <div><dt>+ GUID</dt><dd id="step-guid"></dd></div>
      <div><dt>→ SHA-1</dt><dd id="step-sha1"></dd></div>
      <div><dt>→ Base64</dt><dd><mark class="accept" id="step-accept"></mark></dd></div>
    </dl>
  </article>
  <article class="from-server" id="response-step">
    <h2>The server answers</h2>
    <p id="response-note"></p>
    <pre id="response"></pre>
  </article>
</section>

<section id="talk" aria-labelledby="talk-title" hidden>
  <h2 id="talk-title">And they talk</h2>
  <p>This server echoes every message.</p>
  <div id="messages" role="log" aria-label="Messages"></div>
  <form id="send">
    <label for="text">Message</label>
    <input id="text" type="text" autocomplete="off" required>
    <button>Send</button>
  </form>
</section>

<section id="try" aria-labelledby="try-title">
  <h2 id="try-title">See one fail</h2>
  <p>A browser never tells a page why a WebSocket did not open. This server does.</p>
  <ul>
    <li id="try-origin"><button type="button">From another origin</button> <span>This page connects to the server’s other name, as a foreign site would.</span></li>
    <li id="try-protocol"><button type="button">With a subprotocol</button> <span>The browser asks for <code>tea.v1</code> and accepts nothing else.</span></li>
    <li id="try-plain"><button type="button">Without an upgrade</button> <span>An ordinary GET, not a WebSocket request.</span></li>
    <li id="try-again" hidden><button type="button">Shake hands again</button> <span>As the first time.</span></li>
  </ul>
</section>
</main>
<footer>
  <p>From any console: <code>new WebSocket("<span id="url">ws://…</span>")</code></p>
  <p>woshou ${VERSION}, <span lang="zh-Hans">握手</span>: WebSockets for Node, Deno and Bun.</p>
</footer>
<script type="module">${PAGE_SCRIPT}</script>
</body>
</html>
`;
