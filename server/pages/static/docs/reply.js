import { button, card, choices, copier, element } from "./element.js";
import { block } from "./highlight.js";
import { problem, seconds } from "./problem.js";
import { tree } from "./tree.js";

/** What came back from a call: how long it took, and the result to look into, or what went wrong. */
export class Reply {
  constructor(example) {
    this.status = element("p.status", { role: "status" });
    this.tools = element("div.tools");
    this.body = element("div", {}, unasked(example));
    this.node = card("Reply", [this.status, this.tools], this.body);
  }

  wait(cancel) {
    this.status.replaceChildren(element("span.spinner"), " waiting …");
    this.tools.replaceChildren(button("Cancel", cancel, "button.quiet"));
  }

  show({ result, error, ms, bytes }, actions) {
    const said = [ms !== undefined && `${ms.toFixed(1)} ms`, bytes && size(bytes)].filter(Boolean);
    this.status.replaceChildren(
      element(error ? "strong.bad" : "strong.good", {}, error ? "error" : "ok"),
      ...said.flatMap((each) => [" · ", each]),
    );
    if (error) this.#error(error, actions);
    else this.#result(result);
  }

  #result(result) {
    const text = () => JSON.stringify(result, null, 2);
    const views = choices("Show the reply as", ["Tree", "Text"], (name) =>
      this.body.replaceChildren(
        name === "Tree" ? element("div.tree", {}, tree(result)) : block(text(), "The reply as text"),
      ),
    );
    views.choose("Tree");
    this.tools.replaceChildren(views.node, copier(text));
  }

  #error(error, actions) {
    const text = () => JSON.stringify({ code: error.code, message: error.message, data: error.data }, null, 2);
    this.tools.replaceChildren(copier(text));
    this.body.replaceChildren(problem(error, actions));
  }
}

function unasked(example) {
  if (example === undefined) return element("p.about", {}, "Not called yet.");
  return [element("p.about", {}, "Not called yet. An example of a reply:"), element("div.tree", {}, tree(example))];
}

const size = (bytes) =>
  bytes < 1000 ? `${bytes} bytes` : bytes < 1e6 ? `${(bytes / 1e3).toFixed(1)} kB` : `${(bytes / 1e6).toFixed(2)} MB`;

/** Waits before a call is repeated, and says how long still. */
export function repeatButton(waitMs, repeat) {
  const again = button("Call again", repeat);
  const until = performance.now() + waitMs;
  const tick = () => {
    const left = until - performance.now();
    again.disabled = left > 0;
    again.textContent = left > 0 ? `Call again in ${seconds(left)}` : "Call again";
    if (left > 0) setTimeout(tick, Math.min(left, 250));
  };
  tick();
  return again;
}
