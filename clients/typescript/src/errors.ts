/** What an error says beside its message. */
export interface ErrorData {
  /** A stable word; the only thing that programs look at. */
  kind: string;
  /** The parameter that is wrong, as `set.full_name`. */
  path?: string;
  retry_after_ms?: number;
  /** Repeat the write with it, to be sure that it is written, and once. */
  retry_key?: string;
  [name: string]: unknown;
}

/**
 * Whatever goes wrong, on the server or on the way. The client's own kinds are `timeout`, `cancelled`, `queue_full`,
 * `connection_lost` and `connection_closed`; the server's stand in section 6 of the protocol.
 */
export class CallError extends Error {
  override readonly name = "CallError";

  constructor(
    /** JSON-RPC's, or one that reads like HTTP's; of a connection that is gone, what it was closed with. */
    readonly code: number,
    message: string,
    readonly data: ErrorData,
  ) {
    super(message);
  }

  get kind(): string {
    return this.data.kind;
  }

  /** How long to wait before trying again, where waiting helps. */
  get retryAfterMs(): number | undefined {
    return this.data.retry_after_ms;
  }
}

export const failure = (code: number, kind: string, message: string) => new CallError(code, message, { kind });

/** The code of a connection that one has closed oneself. */
export const CLOSED = 1000;
