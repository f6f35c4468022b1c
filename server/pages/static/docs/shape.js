import { element, prose } from "./element.js";
import { label, limits, simplified } from "./schema.js";

/** The members of an object, each with its type; what is inside opens when asked, so a schema may contain itself. */
export function shape(api, given) {
  const schema = inner(api, given);
  if (schema.anyOf) return schema.anyOf.map((each) => member(api, label(api, each), each));
  const { properties = {}, required = [] } = schema;
  const rows = Object.entries(properties).map(([name, each]) =>
    member(api, name, each, { isOptional: !required.includes(name) }),
  );
  for (const [pattern, each] of Object.entries(schema.patternProperties ?? {}))
    rows.push(member(api, `/${pattern}/`, each));
  const others = schema.additionalProperties;
  if (others && typeof others === "object") rows.push(member(api, "any other name", others));
  return rows;
}

export function member(api, name, given, { isOptional, said } = {}) {
  const schema = simplified(api, given);
  const type = label(api, given);
  const about = [said ?? schema.description, limits(schema)].filter(Boolean).join(" · ");
  const node = element(
    "div.member",
    {},
    element(
      "p",
      {},
      element("code", {}, name),
      " ",
      name !== type && element("span.type", {}, type),
      isOptional && element("span.optional", {}, "optional"),
    ),
    about && element("p.about", {}, prose(about)),
  );
  node.append(...members(api, given));
  return node;
}

/** Its members, closed; nothing when it has none. */
export function members(api, given) {
  if (!opens(api, given)) return [];
  const details = element("details", {}, element("summary", {}, "members"));
  details.addEventListener(
    "toggle",
    () => details.open && details.children.length === 1 && details.append(...shape(api, given)),
  );
  return [details];
}

/** The schema whose members are shown: a list's entries, an object's own. */
function inner(api, given) {
  const schema = simplified(api, given);
  return schema.type === "array" && schema.items ? inner(api, schema.items) : schema;
}

function opens(api, given) {
  const schema = inner(api, given);
  const isObject = (each) => Boolean(inner(api, each).properties);
  return isObject(schema) || typeof schema.additionalProperties === "object" || (schema.anyOf ?? []).some(isObject);
}
