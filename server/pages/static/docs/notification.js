import * as about from "./about.js";
import { Code } from "./code.js";
import { card, element } from "./element.js";
import { tree } from "./tree.js";

const KEPT = 20;

/** A notification to read about, and to hear: those that came since the page was loaded. */
export class NotificationPage {
  constructor({ api, line, where }, notification) {
    const count = element("p.status", { role: "status" }, "none yet");
    const list = element("div.heard");
    let heard = 0;
    line.listen(notification.name, (params) => {
      count.textContent = `${++heard} since the page was loaded`;
      list.prepend(element("div.tree", {}, tree(params, new Date().toTimeString().slice(0, 8), 2)));
      if (list.children.length > KEPT) list.lastElementChild.remove();
    });
    const code = new Code(notification, () => notification.examples[0]?.params ?? {}, where);
    code.show();
    line.addEventListener("who", () => code.show());
    const beside = element("div", {}, card("Heard on this page", count, list), code.node);
    this.node = element(
      "article",
      {},
      about.heading(notification),
      element("div.columns", {}, about.params(api, notification), beside),
    );
  }
}
