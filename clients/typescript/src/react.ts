import { useMemo, useSyncExternalStore } from "react";
import type { CallError, CallOptions, Connection, Methods, Query, Row, Rows, State, Where } from "./index.js";

/** The state of the connection: `open` when all is well. */
export function useConnection(connection: Connection): State {
  const store = useMemo(
    () => ({ subscribe: (changed: () => void) => connection.on("state", changed), state: () => connection.state }),
    [connection],
  );
  return useSyncExternalStore(store.subscribe, store.state, store.state);
}

/** How a call stands: the newest one, when it was made more than once. */
export interface Progress<Result> {
  isPending: boolean;
  result?: Result | undefined;
  error?: CallError | undefined;
}

/** `const [save, { isPending, error }] = useCall(connection, "user.update")`; `save` never rejects. */
export function useCall<M extends keyof Methods>(connection: Connection, method: M) {
  const store = useMemo(() => {
    const value = changing<Progress<Methods[M]["result"]>>({ isPending: false });
    let newest = 0;
    const call = async (params: Methods[M]["params"], options?: CallOptions) => {
      const own = ++newest;
      const become = (progress: Progress<Methods[M]["result"]>) => own === newest && value.set(progress);
      become({ ...value.get(), isPending: true });
      await (connection.call as any)(method, params, options).then(
        (result: Methods[M]["result"]) => become({ isPending: false, result }),
        (error: CallError) => become({ isPending: false, error }),
      );
    };
    return { ...value, call };
  }, [connection, method]);
  return [store.call, useSyncExternalStore(store.subscribe, store.get, store.get)] as const;
}

export interface Live<R> {
  rows: readonly R[];
  /** Whether all rows have been here. */
  isReady: boolean;
  error?: CallError | undefined;
}

/** Rows that match, live, as long as the component is there. Components that ask for the same share one. */
export function useSubscription<R extends keyof Rows, Field extends keyof Rows[R] = keyof Rows[R]>(
  connection: Connection,
  resource: R,
  query: Query<Field, Where<R>> = {},
): Live<Row<R, Field>> {
  const asked = JSON.stringify(query);
  const store = useMemo(() => {
    const value = changing<Live<Row<R, Field>>>({ rows: [], isReady: false });
    const subscribe = (changed: () => void) => {
      const subscription = connection.subscribe<R, Field>(resource, JSON.parse(asked));
      let isReady = false;
      const look = () => value.set({ rows: [...subscription.rows.values()], isReady, error: subscription.error });
      const ready = () => {
        isReady = true;
        look();
      };
      const leave = [value.subscribe(changed), subscription.onChange(() => isReady && look())];
      subscription.ready.then(ready, look);
      return () => {
        for (const each of leave) each();
        subscription.close();
      };
    };
    return { subscribe, get: value.get };
  }, [connection, resource, asked]);
  return useSyncExternalStore(store.subscribe, store.get, store.get);
}

/** A value that React can follow. */
function changing<T>(value: T) {
  const listeners = new Set<() => void>();
  return {
    get: () => value,
    set: (next: T) => {
      value = next;
      for (const each of listeners) each();
    },
    subscribe: (changed: () => void) => {
      listeners.add(changed);
      return () => void listeners.delete(changed);
    },
  };
}
