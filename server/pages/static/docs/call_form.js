import { button, element } from "./element.js";
import { Params } from "./params.js";

/** The form of a call: its params, an example of them, and the button. `asked` is told to call, `changed` of each change. */
export class CallForm {
  constructor(page, method, asked, changed) {
    Object.assign(this, { page, method, changed });
    this.params = new Params(page, method, changed);
    this.button = element("button.primary", {}, method.subscribes ? "Subscribe" : "Call");
    this.access = element("span.about");
    const submitted = (event) => {
      event.preventDefault();
      asked();
    };
    const pressed = (event) => {
      if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) submitted(event);
    };
    const given = { "aria-label": "Call", novalidate: true, onsubmit: submitted, onkeydown: pressed };
    this.node = element("form.card", given, this.#top(), this.params.node, this.#foot());
  }

  write(params) {
    this.params.write(params);
    this.changed();
  }

  /** The params by name; undefined, and marked when `isAsked`, when they cannot be read. */
  read(isAsked = false) {
    try {
      const params = this.params.read();
      if (!Array.isArray(params)) return params;
      return Object.fromEntries(params.map((value, index) => [this.method.params[index]?.name ?? `[${index}]`, value]));
    } catch ({ path, message }) {
      if (isAsked) this.params.mark(path, message);
      return undefined;
    }
  }

  /** Says whether one has to sign in first. */
  show() {
    const isAllowed = this.method.access === "anyone" || this.page.line.who;
    const offer = ["Needs an account: ", button("sign in", () => this.page.signIn.open(), "button.quiet")];
    this.access.replaceChildren(...(isAllowed ? [] : offer));
  }

  #top() {
    const { examples, params } = this.method;
    const options = examples.map((each, index) => element("option", { value: index }, each.name));
    const chosen = () => this.write(examples[select.value].params);
    const select = element("select", { "aria-label": "Example", onchange: chosen }, options);
    const empty = params.length > 0 && button("Empty", () => this.write({}), "button.quiet");
    const tools = element("div.tools", {}, examples.length > 1 && select, empty, this.params.choices.node);
    return element("header", {}, element("h2", {}, "Params"), tools);
  }

  #foot() {
    const key = (name) => element("kbd", {}, name);
    const keys = element("span.about.keys", {}, key("Enter"), " in a field, ", key("Ctrl Enter"), " anywhere");
    return element("footer", {}, this.button, keys, this.access);
  }
}
