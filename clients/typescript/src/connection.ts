import { Calls, type CallOptions, type Done } from "./call.js";
import { CallError, CLOSED, failure } from "./errors.js";
import type { Methods, Notifications, Rows, Wheres } from "./generated.js";
import { Listeners } from "./listeners.js";
import { Subscription, type Line, type Stored } from "./subscription.js";
import { jitter } from "./waiting.js";

export type State = "idle" | "connecting" | "open" | "waiting" | "closed";

/** A notification of the server; a new `state`; a new `token`, to be stored by who wants to stay signed in. */
export interface Events extends Notifications {
  state: State;
  token: string;
}

/** As much of a WebSocket as is needed. */
export interface Socket {
  onopen: ((event: any) => void) | null;
  onmessage: ((event: any) => void) | null;
  onclose: ((event: any) => void) | null;
  onerror: ((event: any) => void) | null;
  send(text: string): void;
  close(code?: number): void;
}

export interface ConnectionOptions {
  /** Gives the token to sign in with, or nothing. Asked when there is none, and again when the session has ended. */
  token?: () => Promise<string | null | undefined>;
  /** Needed where there is none, as in Node 20. */
  WebSocket?: new (url: string, protocols: string[]) => Socket;
  /** For calls that name none: 30 seconds. */
  timeoutMs?: number;
  /** After so long without a message the server is asked whether it is there: 45 seconds. */
  silenceMs?: number;
  /** And has so long for an answer: 10 seconds. */
  answerMs?: number;
}

type Params<M extends keyof Methods> = Methods[M]["params"];

/** What to call a method with: params may be left out where none is required. */
export type Arguments<M extends keyof Methods> =
  Record<string, never> extends Params<M>
    ? [params?: Params<M>, options?: CallOptions]
    : [params: Params<M>, options?: CallOptions];

/** Which rows one may ask for. */
export type Where<R extends keyof Rows> = R extends keyof Wheres ? Wheres[R] : Record<string, unknown>;

export interface Query<Field, Wanted = Record<string, unknown>> {
  where?: Wanted;
  /** Those to have; `id` and `version` are always among them. */
  fields?: readonly Field[];
  /** Rows of one part. */
  limit?: number;
  interval_ms?: number;
}

/** A row with the fields that were asked for. */
export type Row<R extends keyof Rows, Field extends keyof Rows[R]> = Pick<Rows[R], Field | ("id" | "version")>;

const PROTOCOL = "victoryvault.v1";
const CONNECT_MS = 10_000;
const STABLE_MS = 5_000;
const SIGNING = new Set(["session.create", "session.resume", "session.renew", "user.create"]);
/** Without a close frame. */
const LOST = 1006;
const SESSION_ENDED = 4401;
/** From here on a close code says: do not come back. */
const FATAL = 4500;
const NO_WEBSOCKET =
  "There is no WebSocket here: run Node with --experimental-websocket, or pass one: { WebSocket } from `ws`.";

/** A line to the server that mends itself. It connects with the first call or subscription. */
export class Connection {
  /** Why the line was lost, or closed. */
  reason?: CallError | undefined;

  #state: State = "idle";
  #socket: Socket | undefined;
  /** Of the token function, while it is asked. */
  #attempt: object | undefined;
  /** The one of the state: until connected, until the next attempt, or the watchdog. */
  #timer?: ReturnType<typeof setTimeout>;
  #tries = 0;
  #openedAt = Infinity;
  #heardAt = 0;
  /** A server that drains has said. Not told by the code of the close: WebKitGTK gives 1006 for 1012. */
  #reconnectInMs: number | undefined;
  #token: string | undefined;
  /** Whether a token was refused lately: the token function is asked for another one once. */
  #isRefused = false;
  /** After a handshake that failed, whose reason nobody tells: sign in by a call, which has one. */
  #signsInByCall = false;
  readonly #calls: Calls;
  /** By what they ask for: who asks for the same shares one. */
  readonly #subscriptions = new Map<string, Subscription<any>>();
  readonly #listeners = new Map<string, Listeners<any>>();
  /** What the subscriptions see of it. */
  readonly #line: Line = {
    isOpen: () => this.#calls.isOpen,
    token: () => this.#token,
    begin: (method, params, done) => this.#calls.begin(method, params, done, {}, true),
    leave: (key, subscription) => {
      if (this.#subscriptions.get(key) === subscription) this.#subscriptions.delete(key);
    },
  };

  constructor(
    readonly url: string,
    private readonly options: ConnectionOptions = {},
  ) {
    const send = (message: object) => this.#socket?.send(JSON.stringify(message));
    const whyClosed = () => this.reason?.message ?? "The connection is not open.";
    this.#calls = new Calls(send, whyClosed, options.timeoutMs);
  }

  get state(): State {
    return this.#state;
  }

  /** Connects, if it is idle or closed. */
  open(): void {
    if (this.#state !== "idle" && this.#state !== "closed") return;
    this.reason = undefined;
    this.#tries = 0;
    this.#isRefused = false;
    globalThis.addEventListener?.("online", this.#wake);
    globalThis.document?.addEventListener("visibilitychange", this.#wake);
    void this.#connect();
  }

  /** Ends everything: calls fail, subscriptions end. `open` begins anew. */
  close(): void {
    this.#end(failure(CLOSED, "connection_closed", "The connection was closed."));
  }

  /** The result. Waits for the line when it is down. Rejects with a CallError. */
  call<M extends keyof Methods>(method: M, ...[params, options]: Arguments<M>): Promise<Methods[M]["result"]> {
    if (this.#state === "idle") this.open();
    return new Promise((resolve, reject) => {
      if (this.#state === "closed") return reject(this.reason);
      this.#begin(method, params ?? {}, (error, result) => (error ? reject(error) : resolve(result)), options);
    });
  }

  /** Rows that match, live. With a copy that was `stored`, only what has changed since is sent. */
  subscribe<R extends keyof Rows, Field extends keyof Rows[R] = keyof Rows[R]>(
    resource: R,
    query: Query<Field, Where<R>> = {},
    stored?: Stored<Row<R, Field>>,
  ): Subscription<Row<R, Field>> {
    if (this.#state === "idle") this.open();
    const { where = {}, fields, interval_ms = 0 } = query;
    const key = canonical([resource, where, fields && [...new Set(fields)].sort(), interval_ms]);
    let found = this.#subscriptions.get(key);
    if (!found) {
      found = new Subscription(this.#line, key, resource, query, stored);
      this.#subscriptions.set(key, found);
    }
    found.enter();
    if (this.#state === "closed" && this.reason) found.end(this.reason);
    else found.ask();
    return found;
  }

  /** Returns what takes the listener away again. */
  on<E extends keyof Events>(event: E, listener: (value: Events[E]) => void): () => void {
    const listeners = this.#listeners.get(event) ?? new Listeners<Events[E]>();
    this.#listeners.set(event, listeners);
    return listeners.add(listener);
  }

  // out and in

  #begin(method: string, params: object, done: Done, options?: CallOptions): void {
    const learnt: Done = (error, result) => {
      if (!error) this.#learn(method, params, result);
      done(error, result);
    };
    this.#calls.begin(method, params, learnt, options);
  }

  /** From a reply: who one is now, and how far one has come. */
  #learn(method: string, params: any, result: any): void {
    if (method === "subscription.sync") {
      for (const each of this.#subscriptions.values()) each.moved(result.position);
    }
    if (!SIGNING.has(method)) return;
    if (method === "user.create" && this.#token) return; // an account for somebody else
    this.#token = result.token ?? params.token;
    this.#tell("token", this.#token);
    for (const each of this.#subscriptions.values()) each.ask();
  }

  #received(text: string): void {
    this.#heardAt = performance.now();
    const message = JSON.parse(text);
    if (message.method) this.#notified(message.method, message.params);
    else this.#calls.answer(message);
  }

  #notified(method: string, params: any): void {
    if (method === "session.expiring") this.#begin("session.renew", {}, () => {});
    if (method === "server.draining") this.#reconnectInMs = params.reconnect_in_ms;
    for (const each of this.#subscriptions.values()) if (each.id && each.id === params.subscription) each.take(params);
    this.#tell(method, params);
  }

  #tell(event: string, value: unknown): void {
    this.#listeners.get(event)?.tell(value);
  }

  // from state to state

  #become(state: State, reason?: CallError): void {
    this.#state = state;
    this.reason = reason ?? this.reason;
    this.#tell("state", state);
  }

  #after(ms: number, next: () => void): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(next, ms);
  }

  async #connect(): Promise<void> {
    const attempt = (this.#attempt = {});
    this.#after(CONNECT_MS, () => this.#lost(LOST, `it took longer than ${CONNECT_MS} ms`));
    this.#become("connecting");
    let token = this.#token;
    try {
      token ??= (await this.options.token?.()) ?? undefined;
    } catch (error) {
      if (attempt === this.#attempt) this.#lost(LOST, `the token function failed: ${error}`);
      return;
    }
    if (attempt !== this.#attempt) return;
    if (this.#isRefused && !token && this.reason) return this.#end(this.reason);
    this.#token = token;
    const protocols = token && !this.#signsInByCall ? [PROTOCOL, `bearer.${token}`] : [PROTOCOL];
    const { WebSocket = globalThis.WebSocket } = this.options;
    if (!WebSocket) return this.#end(failure(LOST, "connection_closed", NO_WEBSOCKET));
    let socket: Socket;
    try {
      socket = new WebSocket(this.url, protocols);
    } catch (error) {
      return this.#end(failure(LOST, "connection_closed", `${error}`)); // no address, or no token, that one can use
    }
    this.#socket = socket;
    socket.onopen = () => socket === this.#socket && this.#entered();
    socket.onmessage = ({ data }) => socket === this.#socket && this.#received(data);
    let said: string | undefined;
    socket.onclose = ({ code, reason }) => socket === this.#socket && this.#lost(code, reason || said);
    socket.onerror = ({ message }) => {
      if (socket !== this.#socket) return;
      said = message;
      this.#after(0, () => this.#lost(LOST, said)); // unless a close comes first, which may have a code
    };
  }

  #entered(): void {
    if (!this.#token || !this.#signsInByCall) return this.#opened();
    const done: Done = (error) => {
      if (!error) this.#opened();
      else if (error.code === 401) this.#refused(error);
      else this.#socket?.close();
    };
    this.#calls.begin("session.resume", { token: this.#token }, done, {}, true);
  }

  #opened(): void {
    this.#signsInByCall = false;
    this.#openedAt = this.#heardAt = performance.now();
    this.#calls.open();
    for (const each of this.#subscriptions.values()) each.ask();
    this.#watch();
    this.#become("open");
  }

  #lost(code = LOST, why = ""): void {
    if (performance.now() - this.#openedAt >= STABLE_MS) {
      this.#tries = 0;
      this.#isRefused = false;
    }
    if (this.#state === "connecting") this.#signsInByCall = true;
    const wait = this.#reconnectInMs;
    this.#drop(code);
    if (code >= FATAL) return this.#end(failure(code, "connection_closed", why || "The server refuses the connection."));
    if (code === SESSION_ENDED) return this.#refused(failure(code, "session_expired", why || "The session has ended."));
    let what = why || "The connection was lost.";
    if (this.#state === "connecting") what = `The connection could not be opened${why ? `: ${why}` : "."}`;
    this.#wait(failure(code, "connection_lost", what), wait);
  }

  /** The session has ended, or the token is not valid. */
  #refused(reason: CallError): void {
    this.#drop(SESSION_ENDED);
    this.#token = undefined;
    if (!this.options.token || this.#isRefused) return this.#end(reason);
    this.#isRefused = true;
    for (const each of this.#subscriptions.values()) each.forget();
    this.#wait(reason);
  }

  #wait(reason: CallError, ms = jitter(this.#tries++)): void {
    this.#after(ms, () => void this.#connect());
    this.#become("waiting", reason);
  }

  #end(reason: CallError): void {
    if (this.#state === "closed") return;
    this.#drop(reason.code);
    clearTimeout(this.#timer);
    globalThis.removeEventListener?.("online", this.#wake);
    globalThis.document?.removeEventListener("visibilitychange", this.#wake);
    this.#calls.fail(reason);
    for (const each of this.#subscriptions.values()) each.end(reason);
    this.#become("closed", reason);
  }

  #drop(code: number): void {
    const socket = this.#socket;
    this.#socket = this.#attempt = this.#reconnectInMs = undefined;
    this.#openedAt = Infinity;
    socket?.close();
    this.#calls.interrupt(code);
    for (const each of this.#subscriptions.values()) each.interrupted();
  }

  // the watchdog: a line may be dead for long before anyone says so

  #watch(): void {
    const { silenceMs = 45_000 } = this.options;
    const left = this.#heardAt + silenceMs - performance.now();
    if (left > 0) this.#after(left, () => this.#watch());
    else this.#probe();
  }

  #probe(): void {
    const { answerMs = 10_000 } = this.options;
    const askedAt = performance.now();
    this.#calls.begin("rpc.ping", {}, () => {}, {}, true);
    this.#after(answerMs, () => (this.#heardAt >= askedAt ? this.#watch() : this.#lost()));
  }

  /** The network is back, or somebody looks at the page again. */
  readonly #wake = () => {
    if (globalThis.document?.hidden) return;
    if (this.#state === "waiting") void this.#connect();
    else if (this.#state === "open") this.#probe();
  };
}

/** The same text for the same JSON, in whatever order its members were written. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner) =>
    inner && typeof inner === "object" && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
