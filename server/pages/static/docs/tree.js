import { element } from "./element.js";

const PART = 100;
const LONG_TEXT = 400;
const OPEN = 100;

/** A JSON value to look into. What is closed is not built before it is opened, so a large one costs nothing. */
export function tree(value, name, depth = 0) {
  if (value === null || typeof value !== "object") return element("div.leaf", {}, key(name), leaf(value));
  const entries = Object.entries(value);
  const isList = Array.isArray(value);
  const size = isList ? `[${entries.length}]` : `{${entries.length}}`;
  if (!entries.length) return element("div.leaf", {}, key(name), element("span.size", {}, isList ? "[ ]" : "{ }"));
  const node = element(
    "details.branch",
    {},
    element("summary", {}, key(name), element("span.size", {}, size), glimpse(value, isList)),
  );
  const fill = () => node.children.length === 1 && node.append(inside(entries, isList, depth));
  node.addEventListener("toggle", fill);
  if (depth < 2 || (depth < 3 && entries.length <= 8)) {
    if (depth === 0 || entries.length <= OPEN) {
      node.open = true;
      fill();
    }
  }
  return node;
}

function inside(entries, isList, depth) {
  const node = element("div.inside");
  let from = 0;
  const more = element("button.quiet", { type: "button", onclick: () => next() });
  function next() {
    node.append(
      ...entries
        .slice(from, (from += PART))
        .map(([name, each]) =>
          tree(each, isList ? Number(name) : name, depth + (isList && entries.length > 5 ? 2 : 1)),
        ),
    );
    more.textContent = `${Math.min(PART, entries.length - from)} more of ${entries.length}`;
    if (from < entries.length) node.append(more);
    else more.remove();
  }
  next();
  return node;
}

const key = (name) =>
  name !== undefined && [element(typeof name === "number" ? "span.size" : "span.key", {}, String(name)), ": "];

/** What is in a closed row, in a few words. */
function glimpse(value, isList) {
  if (isList) return false;
  const words = Object.values(value).filter(
    (each) => each !== "" && each !== null && typeof each !== "object" && String(each).length <= 30,
  );
  return element("span.glimpse", {}, words.slice(0, 3).join(" · "));
}

function leaf(value) {
  if (typeof value !== "string")
    return element(
      `span.${value === null ? "word" : typeof value === "number" ? "number" : "word"}`,
      {},
      String(value),
    );
  const node = element("span.string", {}, JSON.stringify(value.slice(0, LONG_TEXT)));
  if (value.length <= LONG_TEXT) return node;
  const show = () => {
    node.textContent = JSON.stringify(value);
    all.remove();
  };
  const all = element("button.quiet", { type: "button", onclick: show }, `all ${value.length} characters`);
  return element("span", {}, node, " ", all);
}
