import { button, element, prose } from "./element.js";
import { kind } from "./kinds.js";
import { members } from "./shape.js";
import { label, limits, simplified } from "./schema.js";

let made = 0;

/**
 * One param on the form: `read()` gives its value, undefined when it is left empty; `write(value)` whether it can show it.
 * The server judges what was written, so that a wrong value can be sent, and its answer be seen.
 */
export function field(context, name, given, { path = name, isRequired, about, method }) {
  const schema = simplified(context.api, given);
  const said = [about ?? schema.description, limits(schema)].filter(Boolean).join(" · ");
  const id = `field-${++made}`;
  const inside = kind(context, { name, schema, path, method });
  const error = element("p.field-error", { id: `${id}-error`, hidden: true });
  const type = label(context.api, given);
  const title = [
    element("code", {}, name),
    " ",
    element("span.type", {}, isRequired ? type : type.replace(/ or null$/, "")),
    isRequired ? element("span.required", {}, "required") : false,
  ];
  const note = said && element("p.about", { id: `${id}-about` }, prose(said));
  if (inside.group) {
    const node = element("fieldset", {}, element("legend", {}, title), note, error, inside.node);
    return { ...inside, path, node, error, input: node };
  }
  const { input } = inside;
  input.id = id;
  input.setAttribute("aria-describedby", [said && `${id}-about`, `${id}-error`].filter(Boolean).join(" "));
  if (isRequired) input.setAttribute("aria-required", "true");
  const hints = element("div.hints");
  const offer = () => hints.replaceChildren(...(inside.hints?.() ?? context.suggest(name, schema)).map(hint(inside)));
  const node = element(
    inside.isJson || inside.hints ? "div.field.wide" : "div.field",
    { onfocusin: offer },
    element("label", { for: id }, title),
    note,
    input,
    hints,
    error,
    inside.isJson ? members(context.api, given) : [],
  );
  return { ...inside, path, node, error };
}

const hint =
  (inside) =>
  ([text, value]) =>
    button(text, () => put(inside, value), "button.hint");

function put({ input, add, write }, value) {
  (add ?? write)(value);
  input.focus();
  input.dispatchEvent(new Event("input", { bubbles: true }));
}
