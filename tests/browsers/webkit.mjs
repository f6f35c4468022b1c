// WebKitGTK's own browser on a screen of its own, driven as W3C's WebDriver says.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { freePort } from "./server.mjs";

export const DRIVER = "/usr/bin/WebKitWebDriver";
export const SCREEN = "/usr/bin/Xvfb";
const START_MS = 20_000;
const SIZE = { width: 1000, height: 800 };

export async function startWebKit() {
  const screen = spawn(SCREEN, ["-displayfd", "3", "-nolisten", "tcp"], { stdio: ["ignore", "ignore", "ignore", "pipe"] });
  const [number] = await once(screen.stdio[3], "data");
  const port = await freePort();
  const driver = spawn(DRIVER, [`--port=${port}`], {
    env: { ...process.env, DISPLAY: `:${`${number}`.trim()}` },
    stdio: "ignore",
  });
  const address = `http://127.0.0.1:${port}`;
  const stop = async () => {
    for (const each of [driver, screen]) {
      const ended = once(each, "exit");
      if (each.kill()) await ended;
    }
  };
  try {
    await listening(address);
    const { sessionId } = await command("POST", `${address}/session`, { capabilities: {} });
    const session = `${address}/session/${sessionId}`;
    const first = await command("GET", `${session}/window`);
    return {
      open: (url) => open(session, first, url),
      stop: () => command("DELETE", session).finally(stop),
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The driver says nothing when it has started: one knocks. */
async function listening(address) {
  const by = Date.now() + START_MS;
  for (;;) {
    try {
      return await command("GET", `${address}/status`);
    } catch (error) {
      if (Date.now() > by) throw error;
    }
  }
}

async function command(method, url, body) {
  const reply = await fetch(url, { method, body: body && JSON.stringify(body) });
  const { value } = await reply.json();
  if (!reply.ok) throw new Error(`${url}: ${value.error}: ${value.message}`);
  return value;
}

/** In a window of its own: a further tab would be behind the `first`. */
async function open(session, first, url) {
  await command("POST", `${session}/window`, { handle: first });
  const { handle } = await command("POST", `${session}/window/new`, { type: "window" });
  const within = async (path, body = {}) => {
    await command("POST", `${session}/window`, { handle });
    return command("POST", session + path, body);
  };
  const run = (expression) =>
    within("/execute/async", { script: `Promise.resolve(${expression}).then(arguments[0])`, args: [] });
  await within("/url", { url });
  return {
    reload: () => within("/refresh"),
    hide: () => within("/window/minimize"),
    show: () => within("/window/rect", SIZE),
    offline: () => run(`dispatchEvent(new Event("offline"))`), // WebDriver has no word for it
    online: () => run(`dispatchEvent(new Event("online"))`),
    run,
    close: async () => {
      await command("POST", `${session}/window`, { handle });
      await command("DELETE", `${session}/window`);
    },
  };
}
