// The page that engines.test.mjs opens: a connection, a subscription, and a socket to the test, which says what to do
// and is told what happens.
import { Connection } from "/client.js";

const asked = new URLSearchParams(location.search);
const kept = (what) => `${what} of ${asked.get("user")}`;
const control = new WebSocket(`ws://${location.host}/?${asked}`);
const tell = (event) => control.send(JSON.stringify(event));
await new Promise((resolve) => (control.onopen = resolve));

const connection = new Connection(asked.get("line"), {
  token: async () => {
    tell({ asked: "token" });
    return localStorage[kept("token")];
  },
  silenceMs: 500,
  answerMs: 1000,
});
connection.on("state", (state) => tell({ state }));
connection.on("token", (token) => (localStorage[kept("token")] = token));
let subscription;
Math.random = () => 0.002; // it comes back soon: its line breaks often

/** As it is once the change was applied. */
const applied = (change) => (change.op === "reset" ? { ...change, rows: rows() } : { ...change, row: subscription.rows.get(change.id) });
const rows = () => [...subscription.rows.values()];

const commands = {
  call: (method, params) => connection.call(method, params),
  /** Goes on from what was stored, if anything was. */
  async subscribe(query) {
    const stored = localStorage[kept("rows")];
    subscription = connection.subscribe("user", query, stored && JSON.parse(stored));
    subscription.onChange((changes) => tell({ changes: changes.map(applied) }));
    await subscription.ready;
    return rows();
  },
  store() {
    localStorage[kept("rows")] = JSON.stringify({ position: subscription.position, rows: rows() });
  },
  async sync() {
    await connection.call("subscription.sync");
    return rows();
  },
  /** Of which the wait before coming back is made. */
  chance(value) {
    Math.random = () => value;
  },
};

control.onmessage = async ({ data }) => {
  const { id, command, given } = JSON.parse(data);
  try {
    tell({ id, result: await commands[command](...given) });
  } catch (error) {
    tell({ id, error: `${error}` });
  }
};
tell({ isHere: true });
