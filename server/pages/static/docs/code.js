import { card, choices, copier, element } from "./element.js";
import { block } from "./highlight.js";
import { NAMES, sample } from "./samples.js";

const CHOSEN = "victoryvault.docs.language";

/** A call as code to copy, in the language that was chosen last. `read` gives the params, or nothing. */
export class Code {
  constructor(entry, read, where) {
    Object.assign(this, { entry, read, where });
    this.names = NAMES.filter((name) => name !== "curl" || !entry.isNotification);
    this.body = element("div");
    this.languages = choices("Language", this.names, (name) => {
      sessionStorage.setItem(CHOSEN, name);
      this.#write(name);
    });
    const tools = element(
      "div.tools",
      {},
      copier(() => this.text),
    );
    this.node = card("Code", [this.languages.node, tools], this.body);
  }

  /** Shows it as the params are now. */
  show() {
    const kept = sessionStorage.getItem(CHOSEN);
    const name = this.names.includes(kept) ? kept : this.names[0];
    if (name === this.name) this.#write(name);
    else this.languages.choose(name);
  }

  #write(name) {
    const params = this.read();
    const text = params && sample(name, this.entry, params, this.where());
    if (text !== this.text) this.body.replaceChildren(text ? block(text, `${name} code`) : "");
    Object.assign(this, { name, text });
  }
}
