// The user of this client in the conversations of tests/transcripts, in Node and in a page. What it does and tells stands in README.md there.
import { Connection } from "@victoryvault/client";

const inPage = "document" in globalThis;
const address = inPage ? new URLSearchParams(location.search).get("control") : process.argv.at(-1);
const Socket = inPage ? WebSocket : (await import("ws")).WebSocket;
const control = new Socket(address);
const tell = (event, members = {}) => control.send(JSON.stringify({ event, ...members }));
const turn = () => new Promise((resolve) => channel.push(resolve) && port.postMessage(0));

// turns of the loop, without a timer
const channel = [];
const { port1, port2: port } = new MessageChannel();
port1.onmessage = () => channel.shift()();

/** A clock that stands still until it is moved, and timers that follow it. */
const clock = { now: 0, timers: new Map(), next: 1 };
performance.now = () => clock.now;
globalThis.setTimeout = (run, ms = 0) => {
  clock.timers.set(clock.next, { run, at: clock.now + ms });
  return clock.next++;
};
globalThis.clearTimeout = (timer) => clock.timers.delete(timer);

async function forward(ms) {
  const end = clock.now + ms;
  for (;;) {
    const due = [...clock.timers].filter(([, { at }]) => at <= end).sort(([, a], [, b]) => a.at - b.at)[0];
    if (!due) break;
    const [timer, { run, at }] = due;
    clock.timers.delete(timer);
    clock.now = Math.max(clock.now, at);
    run();
    await turn();
  }
  clock.now = end;
}

let connection;
let subscriptions, iterations, controllers;

function tokens(list) {
  return async () => {
    tell("asked");
    const token = list.shift() ?? null;
    if (token?.fail) throw new Error(token.fail);
    return token;
  };
}

const byId = (rows) => [...rows].sort((a, b) => (a.id < b.id ? -1 : 1));
const told = ({ code, kind, data }) => ({ code, kind, data });

const commands = {
  new({ url, random, tokens: list, timeout_ms: timeoutMs, silence_ms: silenceMs, answer_ms: answerMs }) {
    connection?.close();
    clock.timers.clear();
    Math.random = () => random;
    const token = list && tokens(list);
    const created = new Connection(url, { WebSocket: Socket, token, timeoutMs, silenceMs, answerMs });
    created.on("state", (state) => created === connection && tell("state", { state }));
    created.on("token", (token) => tell("token", { token }));
    [connection, subscriptions, iterations, controllers] = [created, {}, {}, {}];
  },
  open: () => connection.open(),
  close: () => connection.close(),
  listen({ to }) {
    connection.on(to, (params) => tell("notification", { method: to, params }));
  },
  call({ as, method, params, timeout_ms: timeoutMs }) {
    const { signal } = (controllers[as] = new AbortController());
    connection.call(method, params, { signal, timeoutMs }).then(
      (result) => tell("result", { as, result }),
      (error) => tell("error", { as, ...told(error) }),
    );
  },
  cancel: ({ as }) => controllers[as].abort(),
  subscribe({ as, resource, query, stored }) {
    const subscription = (subscriptions[as] = connection.subscribe(resource, query, stored));
    subscription.onChange((changes) => tell("changes", { as, changes }));
    subscription.ready.then(
      () => tell("ready", { as }),
      (error) => tell("failed", { as, ...told(error) }),
    );
  },
  unsubscribe: ({ as }) => subscriptions[as].close(),
  iterate({ as, of }) {
    iterations[as] = subscriptions[of][Symbol.asyncIterator]();
  },
  next({ as }) {
    iterations[as].next().then(
      ({ done, value }) => (done ? tell("ended", { as, kind: null }) : tell("change", { as, change: value })),
      ({ kind }) => tell("ended", { as, kind }),
    );
  },
  look({ as }) {
    if (!as) {
      const { state, reason } = connection;
      return tell("connection", { state, code: reason?.code ?? null, kind: reason?.kind ?? null });
    }
    const { rows, position, isLive, error } = subscriptions[as];
    tell("rows", { as, rows: byId(rows.values()), position, is_live: isLive, error: error?.kind ?? null });
  },
  forward: ({ ms }) => forward(ms),
};

let before = Promise.resolve();
control.onmessage = ({ data }) => {
  const command = JSON.parse(data);
  before = before.then(async () => {
    await commands[command.do](command);
    await turn();
    tell("did");
  });
};
control.onclose = () => inPage || process.exit();
