import { Api } from "./api.js";
import { element } from "./element.js";
import { Line } from "./line.js";
import { MethodPage } from "./method.js";
import { NotificationPage } from "./notification.js";
import { overview } from "./overview.js";
import { problem } from "./problem.js";
import { Search } from "./search.js";
import { SignIn } from "./sign_in.js";
import { wire } from "./wire.js";

const STATES = {
  idle: ["not connected", ""],
  connecting: ["connecting", "warn"],
  open: ["connected", "good"],
  waiting: ["reconnecting", "warn"],
  closed: ["closed", "bad"],
};

/** Loads the document and shows what the address names. Pages stay as they are left: a subscription goes on. */
async function start() {
  const [body, { account: demo }] = await Promise.all([get("/openrpc.json"), get("/docs/account")]);
  const api = new Api(body);
  const socket = `${location.protocol.replace("http", "ws")}//${location.host}/rpc`;
  const line = new Line(socket);
  const signIn = new SignIn(line, demo);
  const search = new Search(api);
  const pages = new Map();
  const page = { api, line, signIn, suggest, where };

  function where() {
    const { who } = line;
    const isDemo = demo && (!who || who.email === demo.email);
    return {
      socket,
      http: `${location.origin}/rpc`,
      account: isDemo ? demo : who?.email && { email: who.email, password: "your password" },
    };
  }

  /** What is at hand to put into a field. */
  function suggest(name, schema) {
    if (name === "subscription")
      return [...pages.values()]
        .map(({ live }) => live?.id)
        .filter(Boolean)
        .map((id) => [id, id]);
    if (schema.format === "uuid" && line.who) return [["my own id", line.who.id]];
    return [];
  }

  function made(name) {
    const entry = api.entries.get(name);
    if (!entry) return { node: overview(page) };
    return entry.isNotification ? new NotificationPage(page, entry) : new MethodPage(page, entry);
  }

  function show() {
    const [name, params] = location.hash.slice(1).split("?", 2);
    const key = api.entries.has(name) ? name : "";
    if (!pages.has(key)) pages.set(key, made(key));
    const shown = pages.get(key);
    main.replaceChildren(shown.node);
    document.title = key ? `${key} · ${api.body.info.title}` : `${api.body.info.title} API`;
    search.current(key);
    if (params) shown.write?.(given(params));
    const at = !key && name && document.getElementById(name);
    if (at) at.scrollIntoView();
    else scrollTo(0, 0);
    return shown;
  }

  const main = document.querySelector("main");
  const menu = document.querySelector("nav details");
  menu.append(search.node);
  menu.open = isWide();
  document.querySelector(".top .pill").before(signIn.node);
  document.body.append(signIn.dialog, wire(line));
  line.addEventListener("state", () => showState(line));
  showState(line);
  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    main.querySelector("h1").focus();
  });
  for (const each of api.entries.values()) if (each.isNotification) pages.set(each.name, made(each.name));
  show();
  addEventListener("hashchange", () => {
    const shown = show();
    if (!isWide()) menu.open = false;
    shown.node.querySelector("h1").focus({ preventScroll: true });
  });
}

const isWide = () => matchMedia("(min-width: 960px)").matches;

function given(params) {
  try {
    return JSON.parse(decodeURIComponent(params));
  } catch {
    return {};
  }
}

function showState({ state }) {
  const node = document.querySelector(".top .pill");
  [node.textContent, node.dataset.tone] = STATES[state];
}

async function get(path) {
  const reply = await fetch(path);
  if (!reply.ok) throw new Error(`${path} answered ${reply.status}.`);
  return reply.json();
}

start().catch((error) => {
  document
    .querySelector("main")
    .replaceChildren(
      element("h1", {}, "The page cannot be shown"),
      problem({ code: "", message: `${error.message} Load the page again when the server is back.`, data: {} }),
    );
  console.error(error);
});
