import { choices, element } from "./element.js";
import { fit, Form } from "./form.js";
import { Unreadable } from "./kinds.js";
import { locate } from "./locate.js";

const FORM = "Form";
const JSON_TEXT = "JSON";

/** The params of a call, as a form or as JSON; both are the same params. */
export class Params {
  constructor(context, method, changed) {
    this.form = new Form(context, method);
    this.area = element("textarea.code", {
      rows: 8,
      spellcheck: "false",
      autocomplete: "off",
      "aria-label": "Params as JSON",
    });
    this.error = element("p.field-error", { hidden: true, id: `json-error-${method.name}` });
    this.area.setAttribute("aria-describedby", this.error.id);
    this.note = element("p.about");
    this.body = element("div");
    this.choices = choices("Show params as", [FORM, JSON_TEXT], (name) => this.#show(name));
    this.choices.choose(FORM);
    this.node = element("div.params", { oninput: changed, onclick: changed }, this.body, this.note);
    this.area.addEventListener("input", () => {
      this.#tell("");
      fit(this.area);
    });
  }

  /** Throws Unreadable. */
  read() {
    if (this.shown === FORM) return this.form.read();
    let params = {};
    try {
      if (this.area.value.trim()) params = JSON.parse(this.area.value);
    } catch (error) {
      throw new Unreadable("", `This is not JSON yet: ${error.message}`);
    }
    if (params === null || typeof params !== "object") throw new Unreadable("", "Params are an object or a list.");
    return params;
  }

  write(params) {
    this.clear();
    this.area.value = JSON.stringify(params, null, 2);
    fit(this.area);
    if (!this.form.write(params) && this.shown === FORM) this.choices.choose(JSON_TEXT);
  }

  /** Shows what is wrong, where it is wrong. Gives whether there was such a place. */
  mark(path, sentence) {
    if (this.shown === FORM) return Boolean(this.form.mark(path, sentence));
    this.#tell(sentence);
    this.area.focus();
    if (path) this.area.setSelectionRange(...locate(this.area.value, path));
    return true;
  }

  clear() {
    this.form.clear();
    this.#tell("");
  }

  #show(name) {
    if (name === this.shown) return;
    let note = "";
    if (name === JSON_TEXT && this.shown) {
      try {
        this.area.value = JSON.stringify(this.form.read(), null, 2);
      } catch ({ path, message }) {
        this.form.mark(path, message);
        return this.choices.choose(FORM);
      }
    } else if (name === FORM && this.shown) {
      try {
        if (!this.form.write(this.read())) note = "The form cannot show all of these params, so they stay JSON.";
      } catch ({ message }) {
        this.#tell(message);
        note = "The form needs JSON to show.";
      }
    }
    this.note.textContent = note;
    if (note) return this.choices.choose(JSON_TEXT);
    this.shown = name;
    this.body.replaceChildren(...(name === FORM ? [this.form.node] : [this.area, this.error]));
    if (name === JSON_TEXT) fit(this.area);
  }

  #tell(sentence) {
    this.error.textContent = sentence;
    this.error.hidden = !sentence;
    if (sentence) this.area.setAttribute("aria-invalid", "true");
    else this.area.removeAttribute("aria-invalid");
  }
}
