import { card, element, paragraphs, prose } from "./element.js";
import { block } from "./highlight.js";
import { ADVICE } from "./problem.js";

const STEPS = {
  "rpc.ping": "says that the server answers.",
  "session.create": "signs in, or use the button above.",
  "user.list": "reads.",
  "user.subscribe": "reads, and goes on telling of each change.",
};

/** What there is, how one begins, and every error. */
export function overview({ api, where }) {
  const { title, version, description = "" } = api.body.info;
  const [lead, ...more] = description.split("\n\n");
  const count = (isNotification) =>
    [...api.entries.values()].filter((each) => each.isNotification === isNotification).length;
  const said = `${count(false)} methods and ${count(true)} notifications. Calls on this page are real calls, over one WebSocket.`;
  const head = element("div", {}, element("h1", { tabindex: -1 }, title), element("span.tag", {}, version));
  return element(
    "article",
    {},
    element(
      "header.head",
      {},
      head,
      element("p.lead", {}, prose(lead)),
      paragraphs(more.join("\n\n")),
      element("p", {}, said),
    ),
    element("div.columns", {}, begin(api), doors(where())),
    errors(api),
  );
}

function begin(api) {
  const step = ([name, text]) =>
    element("li", {}, element("a", { href: `#${name}` }, element("code", {}, name)), " ", text);
  const steps = Object.entries(STEPS).filter(([name]) => api.entries.has(name));
  const key = (name) => element("kbd", {}, name);
  const keys = [
    key("/"),
    " searches, ",
    key("↑"),
    " ",
    key("↓"),
    " move, ",
    key("Enter"),
    " goes there, and in a form calls.",
  ];
  return card("Begin", [], element("ol.steps", {}, steps.map(step)), element("p.about", {}, keys));
}

function doors({ socket, http }) {
  const made = [
    "All of this page is made from ",
    element("a", { href: "/openrpc.json" }, "openrpc.json"),
    ", an OpenRPC document.",
  ];
  const addresses = block(`${socket}\n${http}`, "Addresses");
  return card(
    "Doors",
    [],
    element("p", {}, "JSON-RPC 2.0 over a WebSocket, or by POST:"),
    addresses,
    element("p.about", {}, made),
  );
}

function errors(api) {
  const row = ({ kind, code, message }) =>
    element(
      "tr",
      { id: `error.${kind}` },
      element("td", {}, element("code", {}, kind)),
      element("td", {}, String(code)),
      element("td", {}, prose(message), ADVICE[kind] && element("p.about", {}, prose(ADVICE[kind]))),
    );
  const heads = ["kind", "code", "what it says, and what to do"].map((each) => element("th", { scope: "col" }, each));
  const table = element(
    "table",
    {},
    element("thead", {}, element("tr", {}, heads)),
    element("tbody", {}, api.errors.map(row)),
  );
  const about = "Programs look at `error.data.kind` and nothing else; the sentence is for people.";
  const made = card("Errors", [], element("p.about", {}, prose(about)), element("div.scroll", { tabindex: 0 }, table));
  made.id = "errors";
  return made;
}
