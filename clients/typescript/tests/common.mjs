import { WebSocket } from "ws";
import { Connection } from "@victoryvault/client";

const PATIENCE_MS = 15_000;
export const URL = process.env.VICTORYVAULT_URL;
export const DEMO = { email: "demo@example.org", password: "demo-password" };

/** A connection that is closed when the test ends. */
export function connect(t, url = URL, options = {}) {
  const connection = new Connection(url, { WebSocket, ...options });
  t.after(() => connection.close());
  return connection;
}

export async function signedIn(t, url, options) {
  const connection = connect(t, url, options);
  await connection.call("session.create", DEMO);
  return connection;
}

/** Waits for a state, or for whatever `holds`; looks again at each turn of the loop. */
export async function until(holds, what = holds) {
  const by = Date.now() + PATIENCE_MS;
  while (!holds()) {
    if (Date.now() > by) throw new Error(`It did not come to this: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

export const reaches = (connection, state) => until(() => connection.state === state, state);

let made = 0;
/** Users whose name begins with the `tag`. */
export async function makeUsers(admin, tag, count) {
  const users = [];
  for (let index = 0; index < count; index++) {
    const full_name = `${tag} ${index}`;
    const email = `${tag}-${index}-${++made}@example.org`.toLowerCase();
    users.push((await admin.call("user.create", { email, full_name, password: "a long password" })).user);
  }
  return users;
}

export const byId = (rows) => Object.fromEntries([...rows].map((row) => [row.id, row]));
