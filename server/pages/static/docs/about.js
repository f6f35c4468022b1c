import { card, element, paragraphs, prose } from "./element.js";
import { ADVICE } from "./problem.js";
import { member, shape } from "./shape.js";

/** What there is to read about a method or a notification. */

const ACCESS = {
  anyone: "anyone may call it",
  user: "for who is signed in",
  self: "for oneself",
  admin: "for admins",
  "self, admin": "for oneself, or an admin",
};

export function heading(entry, beside) {
  const { name, summary, description } = entry;
  const tags = marks(entry)
    .filter(Boolean)
    .map((each) => element("span.tag", {}, each));
  return element(
    "header.head",
    {},
    element("div", {}, element("h1", { tabindex: -1 }, name), beside),
    element("p.lead", {}, prose(summary)),
    paragraphs(description),
    element("p.tags", {}, tags),
  );
}

function marks({ access, isNotification, ...method }) {
  if (isNotification) return ["the server sends it"];
  return [
    ACCESS[access] ?? `for ${access}`,
    method["x-writes"] && "writes",
    method["x-needs-socket"] && "needs a socket",
  ];
}

export function params(api, entry) {
  const rows = entry.params.map((each) =>
    member(api, each.name, each.schema, { isOptional: !each.required, said: each.description }),
  );
  return card("Params", [], rows.length ? rows : element("p.about", {}, "It has none."));
}

export function result(api, { result }) {
  const rows = shape(api, result.schema);
  const said = result.description && element("p.about", {}, prose(result.description));
  return card("Result", [], said, rows.length ? rows : member(api, result.name, result.schema));
}

export function errors(method) {
  const rows = method.errors.map(({ kind, code, message }) =>
    element(
      "details.error",
      {},
      element("summary", {}, element("code", {}, kind), " ", element("span.type", {}, String(code))),
      element("p", {}, prose(message)),
      ADVICE[kind] && element("p.about", {}, prose(ADVICE[kind])),
    ),
  );
  return card("Errors", [], rows.length ? rows : element("p.about", {}, "None of its own."));
}
