import { Connection } from "/client.js";

const TOKEN = "victoryvault.token";
const REFUSED = new Set([401, 4401]);
const KEPT_FRAMES = 200;
const KEPT_TEXT = 20_000;
const GIVES_USER = new Set(["session.create", "session.resume", "user.create"]);

/** The page's one connection: who is signed in on it, each frame of it, and how long a call took. */
export class Line extends EventTarget {
  who;
  frames = [];
  #waiting = [];
  #heard = [];

  constructor(url) {
    super();
    this.url = url;
    this.#begin();
  }

  get state() {
    return this.connection.state;
  }

  /** The reply `{ result | error, ms, bytes }`; never rejects. `ms` is from the frame sent to the frame received. */
  async call(method, params, signal) {
    const timing = { method };
    this.#waiting.push(timing);
    const { connection } = this;
    const reply = await connection.call(method, params, { signal }).then(
      (result) => ({ result }),
      (error) => ({ error }),
    );
    this.#waiting = this.#waiting.filter((each) => each !== timing);
    if (reply.result?.user && GIVES_USER.has(method) && connection === this.connection) this.#is(method, reply.result);
    return { ...reply, ms: timing.ms, bytes: timing.bytes };
  }

  /** Calls `listener` with the params of each notification `name`, on whatever connection there is. */
  listen(name, listener) {
    this.#heard.push([name, listener]);
    this.connection.on(name, listener);
  }

  async signOut() {
    sessionStorage.removeItem(TOKEN);
    await this.call("session.delete", {});
    this.#anew();
  }

  #begin() {
    let kept = sessionStorage.getItem(TOKEN);
    const token = async () => {
      const once = kept; // asked again only when it is refused
      kept = null;
      return once;
    };
    const connection = new Connection(this.url, {
      token,
      WebSocket: overheard((frame) => this.#frame(frame)),
    });
    this.connection = connection;
    connection.on("token", (token) => sessionStorage.setItem(TOKEN, token));
    connection.on("state", (state) => connection === this.connection && this.#became(state));
    for (const [name, listener] of this.#heard) connection.on(name, listener);
    connection.open();
  }

  #anew(reason) {
    const old = this.connection;
    this.who = undefined;
    this.#begin();
    old.close();
    this.#tell("who", reason);
  }

  #became(state) {
    const token = sessionStorage.getItem(TOKEN);
    if (state === "open" && token && !this.who) void this.call("session.resume", { token });
    if (state === "closed" && REFUSED.has(this.connection.reason?.code)) {
      sessionStorage.removeItem(TOKEN);
      this.#anew("Your session has ended.");
    }
    this.#tell("state");
  }

  #is(method, { user }) {
    if (method === "user.create" && this.who) return; // an account for somebody else
    this.who = user;
    this.#tell("who");
  }

  #frame(frame) {
    const { text } = frame;
    this.frames.push({ ...frame, text: text.slice(0, KEPT_TEXT), length: text.length });
    if (this.frames.length > KEPT_FRAMES) this.frames.shift();
    if (this.#waiting.length) this.#time(frame);
    this.#tell("frame", frame);
  }

  #time({ isSent, text, at }) {
    const { id, method } = JSON.parse(text);
    if (isSent) {
      const timing = this.#waiting.find((each) => each.method === method && each.id === undefined);
      if (timing) Object.assign(timing, { id, at });
    } else if (!method) {
      const timing = this.#waiting.find((each) => each.id === id);
      if (timing) Object.assign(timing, { ms: at - timing.at, bytes: new Blob([text]).size });
    }
  }

  #tell(name, detail) {
    this.dispatchEvent(new CustomEvent(name, { detail }));
  }
}

/** A WebSocket that tells of each frame, both ways. */
function overheard(tell) {
  return class extends WebSocket {
    constructor(url, protocols) {
      super(url, protocols);
      this.addEventListener("message", ({ data }) => tell({ isSent: false, text: data, at: performance.now() }));
    }

    send(text) {
      tell({ isSent: true, text, at: performance.now() });
      super.send(text);
    }
  };
}
