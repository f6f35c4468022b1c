import { CallError, failure } from "./errors.js";
import { WRITES } from "./generated.js";

export interface CallOptions {
  /** Stops the call, on the server too. */
  signal?: AbortSignal | undefined;
  /** The time it may take, offline or not. */
  timeoutMs?: number | undefined;
}

/** Told once, in the very turn in which the reply arrives: what follows it on the line is handled after it. */
export type Done = (error: CallError | undefined, result?: any) => void;

interface Call {
  message: { jsonrpc: "2.0"; method: string; params: any; id: number };
  isSent: boolean;
  /** Whether it may be sent a second time, when nobody knows what became of the first. */
  isRepeatable: boolean;
  done: Done;
}

const MAX_WAITING = 100;
const MAX_TIMER_MS = 2 ** 31 - 1;
const TOO_BIG = 1009;

/** The calls of a connection that have no reply yet: waiting for the line, or sent. */
export class Calls {
  /** Whether calls are sent as they come; else they wait. */
  isOpen = false;
  #nextId = 1;
  /** In the order in which they were made. */
  readonly #calls = new Map<number, Call>();

  constructor(
    private readonly send: (message: object) => void,
    private readonly whyClosed: () => string,
    private readonly timeoutMs = 30_000,
  ) {}

  /** An `early` one is sent though calls wait, and is not repeated. */
  begin(method: string, given: object, done: Done, options: CallOptions = {}, early = false): void {
    const { signal, timeoutMs = this.timeoutMs } = options;
    const params: { retry_key?: string } = WRITES[method] ? { retry_key: randomKey(), ...given } : given;
    const isRepeatable = !early && (params.retry_key != null || WRITES[method] === false);
    const cancelled = () => failure(499, "cancelled", `${method} was cancelled.`);
    if (signal?.aborted) return done(cancelled());
    if (!this.isOpen && !early && this.#waiting() >= MAX_WAITING) {
      return done(failure(429, "queue_full", `${MAX_WAITING} calls wait for the connection already.`));
    }

    const id = this.#nextId++;
    const end: Done = (error, result) => {
      if (!this.#calls.delete(id)) return;
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
      if (error && params.retry_key) error.data.retry_key ??= params.retry_key;
      done(error, result);
    };
    const stop = (error: CallError) => {
      if (call.isSent) this.send({ jsonrpc: "2.0", method: "rpc.cancel", params: { id } });
      end(error);
    };
    const abort = () => stop(cancelled());
    const late = () => {
      const what = `${method} had no answer within ${timeoutMs} ms.`;
      stop(failure(504, "timeout", call.isSent ? what : `${what} ${this.whyClosed()}`));
    };
    const timer = setTimeout(late, Math.min(timeoutMs, MAX_TIMER_MS));
    signal?.addEventListener("abort", abort);

    const call: Call = { message: { jsonrpc: "2.0", method, params, id }, isSent: false, isRepeatable, done: end };
    this.#calls.set(id, call);
    if (this.isOpen || early) this.#send(call);
  }

  answer({ id, result, error }: { id: number; result?: unknown; error?: any }): void {
    const said = error && new CallError(error.code, error.message, { kind: "unknown", ...error.data });
    this.#calls.get(id)?.done(said, result);
  }

  /** The line is there: what waits is sent. */
  open(): void {
    this.isOpen = true;
    for (const call of this.#calls.values()) if (!call.isSent) this.#send(call);
  }

  /** The line is gone: what may be repeated waits for the next one. */
  interrupt(code: number): void {
    this.isOpen = false;
    for (const call of this.#calls.values()) {
      if (!call.isSent) continue;
      call.isSent = false;
      if (!call.isRepeatable || code === TOO_BIG) {
        const what = `The connection was lost during ${call.message.method}; nobody knows whether it was done.`;
        call.done(failure(code, "connection_lost", what));
      }
    }
  }

  fail(reason: CallError): void {
    for (const call of this.#calls.values()) call.done(new CallError(reason.code, reason.message, { ...reason.data }));
  }

  #waiting(): number {
    let count = 0;
    for (const call of this.#calls.values()) if (!call.isSent) count++;
    return count;
  }

  #send(call: Call): void {
    call.isSent = true;
    this.send(call.message);
  }
}

/** Not `crypto.randomUUID`, which browsers have on secure pages only. */
function randomKey(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
