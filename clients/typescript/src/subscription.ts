import type { Done } from "./call.js";
import { CallError, CLOSED, failure } from "./errors.js";
import { Listeners } from "./listeners.js";
import { jitter } from "./waiting.js";

export interface AnyRow {
  id: string;
  version: number;
}

/** What happened to a row; or `reset`: all rows were replaced, look at `rows`. */
export type Change<Row> =
  | { op: "reset" }
  | { op: "enter" | "change"; id: string; version: number; set: Partial<Row> }
  | { op: "leave"; id: string; version: number; reason: "deleted" | "filter" | "forbidden" };

/** A copy that was stored: rows, and the position they belong to. */
export interface Stored<Row> {
  position: string | null;
  rows: Iterable<Row>;
}

/** What a subscription needs of its connection. */
export interface Line {
  isOpen(): boolean;
  token(): string | undefined;
  begin(method: string, params: object, done: Done): void;
  leave(key: string, subscription: Subscription<any>): void;
}

const PASSING = new Set(["internal_error", "unavailable", "timeout", "too_many_calls", "cancelled"]);

/** Rows that match, live. It comes back by itself, from where it was, after whatever happens to the connection. */
export class Subscription<Row extends AnyRow> {
  /** Resolves when all rows are here and live; rejects when that will never be. */
  ready!: Promise<void>;
  /** Why it has ended, if it has. */
  error?: CallError;
  /** To be stored with the rows; null while they are not whole. */
  position: string | null = null;
  /** Whether the rows are whole and the server tells of each change. */
  isLive = false;
  /** @internal What the server calls it. */
  id?: string | undefined;

  readonly #rows = new Map<string, Row>();
  /** The rows of a reset of which parts are still to come. */
  #coming?: Map<string, Row> | undefined;
  readonly #listeners = new Listeners<Change<Row>[]>();
  #settle!: (error?: CallError) => void;
  #users = 0;
  #isAsking = false;
  #tries = 0;
  #timer?: ReturnType<typeof setTimeout>;

  /** @internal */
  constructor(
    private readonly line: Line,
    private readonly key: string,
    private readonly resource: string,
    private readonly query: object,
    stored?: Stored<Row>,
  ) {
    if (stored?.position == null) return;
    this.position = stored.position;
    for (const row of stored.rows) this.#rows.set(row.id, row);
  }

  /** By id, always as they are now. A row is replaced when it changes, never changed itself. */
  get rows(): ReadonlyMap<string, Row> {
    return this.#rows;
  }

  /** Calls `listener` after each notification was applied. Returns what ends that. */
  onChange(listener: (changes: Change<Row>[]) => void): () => void {
    return this.#listeners.add((changes) => changes.length && listener(changes));
  }

  /** Each change from now on. Who is slow gets one for each row, the newest. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Change<Row>, void, undefined> {
    const waiting = new Map<string, Change<Row>>();
    let wake = () => {};
    const stop = this.#listeners.add((changes) => {
      for (const change of changes) merge(waiting, change);
      wake();
    });
    try {
      for (;;) {
        for (const [id, change] of waiting) {
          waiting.delete(id);
          yield change;
        }
        if (!this.#users || this.error?.code === CLOSED) return;
        if (this.error) throw this.error;
        await new Promise<void>((resolve) => (wake = resolve));
      }
    } finally {
      stop();
    }
  }

  /** Ends it, once everyone who subscribed to the same has closed it. */
  close(): void {
    if (!this.#users || --this.#users) return;
    this.#over(failure(499, "cancelled", "The subscription was closed."));
    if (!this.#isAsking) this.#leave();
  }

  /** @internal One more who wants it. */
  enter(): this {
    if (this.#users++) return this;
    this.ready = new Promise((resolve, reject) => {
      this.#settle = (error) => (error ? reject(error) : resolve());
    });
    this.ready.catch(() => {});
    return this;
  }

  /** @internal Asks for it, from where it is, unless that is done or cannot be done now. */
  ask(): void {
    if (this.id || this.#isAsking || this.error || !this.line.isOpen()) return;
    clearTimeout(this.#timer);
    this.#isAsking = true;
    this.line.begin(`${this.resource}.subscribe`, { ...this.query, after: this.position }, (error, reply) => {
      this.#isAsking = false;
      this.id = reply?.subscription;
      if (!this.#users) this.#leave();
      else if (reply) this.#begun(reply);
      else if (error) this.#refused(error);
    });
  }

  /** @internal A notification. */
  take({ changes, position, more, reason }: any): void {
    if (changes) this.#apply(changes, more ? null : position);
    else {
      this.forget();
      if (reason !== "signed_out") this.#askLater();
    }
  }

  /** @internal All that was committed up to `position` is here. */
  moved(position: string): void {
    if (this.isLive) this.position = position;
  }

  /** @internal The line is gone. What came in parts and is not whole is of no use. */
  interrupted(): void {
    this.id = this.#coming = undefined;
    this.isLive = false;
    clearTimeout(this.#timer);
    if (!this.#users) this.line.leave(this.key, this);
  }

  /** @internal It starts anew when it comes back: rights changed, or somebody else signs in. */
  forget(): void {
    this.interrupted();
    this.position = null;
  }

  /** @internal It will not come back. */
  end(error: CallError): void {
    this.interrupted();
    this.error = error;
    this.line.leave(this.key, this);
    this.#over(error);
  }

  #over(error: CallError): void {
    this.#settle(error);
    this.#listeners.tell([]);
  }

  #leave(): void {
    if (this.id && this.line.isOpen()) this.line.begin("subscription.close", { subscription: this.id }, () => {});
    this.interrupted();
  }

  #askLater(afterMs = jitter(this.#tries++)): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.ask(), afterMs);
  }

  #refused(error: CallError): void {
    if (error.kind === "connection_lost") return; // the connection asks again
    if (error.code === 401 && !this.line.token()) return; // until somebody signs in
    if (this.position && (error.kind === "position_gone" || error.data.path === "after")) {
      this.position = null;
      this.ask();
    } else if (error.code === 401 || PASSING.has(error.kind)) this.#askLater(error.retryAfterMs);
    else this.end(error);
  }

  #begun({ subscription: _id, position, reset, more, changes = [], ...rows }: any): void {
    if (reset) {
      this.#coming = new Map();
      for (const row of Object.values<Row[]>(rows)[0] ?? []) this.#coming.set(row.id, row);
    }
    this.#apply(changes, more ? null : position);
  }

  /** `position` is null while there is more to come. */
  #apply(changes: any[], position: string | null): void {
    const coming = this.#coming;
    const rows = coming ?? this.#rows;
    for (const { op, id, version, set } of changes) {
      if (op === "leave") rows.delete(id);
      else rows.set(id, { ...rows.get(id), id, ...set, version } as Row);
    }
    this.position = position;
    this.isLive = position !== null;
    if (this.isLive) {
      this.#tries = 0;
      if (coming) {
        this.#coming = undefined;
        this.#rows.clear();
        for (const [id, row] of coming) this.#rows.set(id, row);
      }
      this.#settle();
    }
    if (!coming) this.#listeners.tell(changes);
    else if (this.isLive) this.#listeners.tell([{ op: "reset" }]);
  }
}

const RESET = "";

/** Adds a change to those that wait, at most one for each row. After a reset one looks at all rows anyway. */
function merge<Row>(waiting: Map<string, Change<Row>>, change: Change<Row>): void {
  if (change.op === "reset") {
    waiting.clear();
    waiting.set(RESET, change);
  } else if (!waiting.has(RESET)) {
    const earlier = waiting.get(change.id);
    waiting.delete(change.id);
    const merged = earlier ? joined(earlier, change) : change;
    if (merged) waiting.set(change.id, merged);
  }
}

function joined<Row>(earlier: Change<Row>, later: Change<Row>): Change<Row> | undefined {
  if (earlier.op === "enter" && later.op === "leave") return undefined;
  if (earlier.op === "leave" && later.op === "enter") return { ...later, op: "change" };
  if (!("set" in earlier && "set" in later)) return later;
  return { ...later, op: earlier.op, set: { ...earlier.set, ...later.set } };
}
