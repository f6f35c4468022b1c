// Where the tabs of engines.test.mjs come from, another origin than the server's; and the talk with them.
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:http";
import { WebSocketServer } from "ws";

const PATIENCE_MS = 20_000;
const file = (name) => readFileSync(new URL(name, import.meta.url));
const html = { "content-type": "text/html" };
const script = { "content-type": "text/javascript" };

/** Serves the page, with the `client` that is set. */
export class Stage {
  client = "";
  #tabs = new Map();
  #files = {
    "/": () => [html, file("tab.html")],
    "/tab.mjs": () => [script, file("tab.mjs")],
    "/client.js": () => [script, this.client],
  };
  #server = createServer(({ url }, reply) => {
    const found = this.#files[url.split("?")[0]];
    if (!found) return reply.writeHead(404).end();
    const [headers, body] = found();
    reply.writeHead(200, { ...headers, "cache-control": "no-store" }).end(body);
  });

  async start() {
    const controls = new WebSocketServer({ server: this.#server });
    controls.on("connection", (socket, { url }) => this.#tabs.get(new URLSearchParams(url.slice(2)).get("tab")).talk(socket));
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    this.origin = `http://127.0.0.1:${this.#server.address().port}`;
    return this;
  }

  /** A tab of the browser whose connection is by this line; it ends with the test `t`. */
  async open(t, browser, { line, user }) {
    const tab = new Tab();
    const name = `${this.#tabs.size}`;
    this.#tabs.set(name, tab);
    const here = tab.comes();
    tab.page = await browser.open(`${this.origin}/?${new URLSearchParams({ tab: name, user, line: line.url })}`);
    t.after(() => tab.page.close());
    await here;
    return tab;
  }

  stop() {
    this.#server.closeAllConnections();
    this.#server.close();
  }
}

/** The test's end of a page. */
class Tab {
  /** All that it was told, in their order. */
  changes = [];
  /** How often its token function was asked. */
  asked = 0;
  #socket;
  #asked = 0;
  #watches = new Set();

  /** With a page that has loaded; of the one before nothing is heard any more. */
  talk(socket) {
    this.#socket = socket;
    this.changes = [];
    socket.on("message", (data) => socket === this.#socket && this.#tell(JSON.parse(data)));
  }

  #tell(event) {
    if (event.changes) this.changes.push(...event.changes);
    if (event.asked) this.asked++;
    for (const watch of this.#watches) watch(event);
  }

  /** The event that `holds`, from now on. */
  #next(what, holds) {
    const found = new Promise((resolve, reject) => {
      const end = (settle, value) => {
        clearTimeout(timer);
        this.#watches.delete(watch);
        settle(value);
      };
      const timer = setTimeout(() => end(reject, new Error(`The page did not come to this: ${what}`)), PATIENCE_MS);
      const watch = (event) => holds(event) && end(resolve, event);
      this.#watches.add(watch);
    });
    found.catch(() => {});
    return found;
  }

  /** Resolves when the page has loaded. */
  comes = () => this.#next("it has loaded", ({ isHere }) => isHere);

  /** Resolves when its connection has been in these states, in this order. */
  passes(...states) {
    let passed = 0;
    return this.#next(states.join(", "), ({ state }) => state === states[passed] && ++passed === states.length);
  }

  /** Resolves when it has been told so many changes more. */
  hears(count) {
    const enough = this.changes.length + count;
    return this.#next(`${count} more changes`, () => this.changes.length >= enough);
  }

  /** Resolves with the result of a command of tab.mjs. */
  async do(command, ...given) {
    const own = ++this.#asked;
    const reply = this.#next(command, ({ id }) => id === own);
    this.#socket.send(JSON.stringify({ id: own, command, given }));
    const { result, error } = await reply;
    if (error) throw new Error(`${command}: ${error}`);
    return result;
  }

  call = (method, params = {}) => this.do("call", method, params);

  async reload() {
    const here = this.comes();
    await this.page.reload();
    await here;
  }
}
