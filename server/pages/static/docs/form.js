import { element } from "./element.js";
import { field } from "./field.js";
import { readAll, writeAll } from "./kinds.js";
import { isAbove, locate } from "./locate.js";

/** The params of a method as fields. `context` has the `api`, and `suggest(name, schema)` for what one may want to put in. */
export class Form {
  constructor(context, method) {
    this.fields = method.params.map((each) =>
      field(context, each.name, each.schema, {
        isRequired: each.required,
        about: each.description,
        method: method.name,
      }),
    );
    this.node = element(
      "div.fields",
      {},
      this.fields.length ? this.fields.map((each) => each.node) : element("p.about", {}, "It takes no params."),
    );
    this.node.addEventListener("input", ({ target }) => {
      const changed = this.#all().find((each) => each.input === target);
      if (!changed) return;
      tell(changed, "");
      if (changed.isJson) fit(changed.input);
    });
  }

  /** The params. Throws Unreadable. */
  read() {
    return readAll(this.fields);
  }

  /** Whether the form can show them all. */
  write(params) {
    const isWhole = writeAll(this.fields, params);
    for (const each of this.#all()) if (each.isJson) fit(each.input);
    return isWhole;
  }

  /** Shows `sentence` at the field that `path` leads to. Gives that field, if there is one. */
  mark(path, sentence) {
    const found = this.#all()
      .filter((each) => isAbove(each.path, path))
      .sort((a, b) => b.path.length - a.path.length)[0];
    if (!found) return undefined;
    tell(found, sentence);
    const { input } = found;
    if (!found.group) input.focus();
    if (found.isJson && path !== found.path) {
      const inside = path.slice(found.path.length).replace(/^\./, "");
      input.setSelectionRange(...locate(input.value, inside));
    }
    return found;
  }

  clear() {
    for (const each of this.#all()) tell(each, "");
  }

  #all(fields = this.fields) {
    return fields.flatMap((each) => [each, ...(each.group ? this.#all(each.group) : [])]);
  }
}

function tell({ input, error }, sentence) {
  error.textContent = sentence;
  error.hidden = !sentence;
  if (sentence) input.setAttribute("aria-invalid", "true");
  else input.removeAttribute("aria-invalid");
}

/** A textarea as high as its text. */
export function fit(area) {
  area.rows = Math.min(24, area.value.split("\n").length);
}
