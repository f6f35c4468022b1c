import { button, card, copier, element } from "./element.js";
import { problem } from "./problem.js";
import { Table } from "./table.js";
import { tree } from "./tree.js";

const KEPT = 100;
const MARKED = 500;

/** A subscription as one sees it: its rows, each change, and its position; it can be closed and gone on with. */
export class Live {
  constructor(line, resource) {
    Object.assign(this, { line, resource, waiting: [] });
    this.word = element("strong", { role: "status" });
    this.counted = element("span");
    this.status = element("p.status", {}, this.word, this.counted);
    this.tools = element("div.tools");
    this.position = element("p.position");
    this.log = element("ol.changes", { tabindex: 0, "aria-label": "Changes, the newest first" });
    this.looked = element("div.looked");
    this.table = new Table((id) => void this.#look(id));
    const changes = element("div", {}, element("h3", {}, "Changes"), this.log);
    const columns = element("div.columns", {}, this.table.node, changes);
    this.node = card("Live", [this.status, this.tools], this.position, columns, this.looked);
    this.node.classList.add("live");
    this.node.hidden = true;
    const again = () => this.subscription && (this.drawing ??= requestAnimationFrame(() => this.#draw()));
    for (const event of ["frame", "state", "who"]) line.addEventListener(event, again);
  }

  /** Subscribes, and resolves once all rows are here, or with the `error`. With `stored` it goes on from there. */
  async begin(query, stored) {
    this.#end();
    this.stored = undefined;
    if (!stored) this.log.replaceChildren();
    this.counts = { enter: 0, change: 0, leave: 0 };
    this.query = query;
    const subscription = this.line.connection.subscribe(this.resource, query, stored);
    this.subscription = subscription;
    subscription.onChange((changes) => subscription === this.subscription && this.#changed(changes));
    this.#state();
    const error = await subscription.ready.then(
      () => undefined,
      (reason) => reason,
    );
    if (subscription !== this.subscription) return { error };
    this.#draw();
    return { error };
  }

  get id() {
    return this.subscription?.id;
  }

  #end() {
    const { subscription } = this;
    if (!subscription) return;
    this.stored = { position: subscription.position, rows: [...subscription.rows.values()] };
    this.subscription = undefined;
    subscription.close();
  }

  #close() {
    this.#end();
    this.#state();
  }

  #changed(changes) {
    for (const { op } of changes) if (op in this.counts) this.counts[op]++;
    this.log.prepend(...changes.slice(-KEPT).map(entry).reverse());
    while (this.log.children.length > KEPT) this.log.lastElementChild.remove();
    this.waiting = [...this.waiting, ...changes].slice(-MARKED);
    this.drawing ??= requestAnimationFrame(() => this.#draw());
  }

  #draw() {
    this.drawing = undefined;
    if (this.subscription) this.table.show(this.subscription.rows, this.waiting);
    this.waiting = [];
    this.#state();
  }

  #state() {
    const { subscription, stored, counts } = this;
    const { error, isLive } = subscription ?? {};
    const word = error ? "ended" : !subscription ? "closed" : isLive ? "live" : "coming";
    const { size } = this.table;
    const said = ` · ${size} ${size === 1 ? "row" : "rows"} · ${counts.enter} entered · ${counts.change} changed · ${counts.leave} left`;
    if (this.word.textContent !== word) this.word.textContent = word; // is read aloud
    this.word.className = isLive ? "good" : "";
    this.counted.textContent = said;
    const position = subscription ? subscription.position : stored?.position;
    const place = element("code", {}, position ?? "none yet");
    this.position.replaceChildren("position ", place, " ", position ? copier(() => position) : "");
    this.tools.replaceChildren(...this.#buttons());
    if (error) this.looked.replaceChildren(problem(error));
  }

  #buttons() {
    const { subscription, stored, query } = this;
    if (subscription && !subscription.error) return [button("Close", () => this.#close())];
    const anew = button("Subscribe anew", () => void this.begin(query));
    return stored?.position ? [button("Resume from here", () => void this.begin(query, stored)), anew] : [anew];
  }

  /** A row, and why it is here: the server explains it. */
  async #look(id) {
    const { id: subscription } = this;
    const row = this.table.all.get(id);
    const close = element("button.quiet", { type: "button", onclick: () => this.looked.replaceChildren() }, "Close");
    const why = element("div.tree", {}, "…");
    this.looked.replaceChildren(
      element("h3", {}, "Row ", element("code", {}, id), " ", close),
      element("div.columns", {}, element("div.tree", {}, tree(row, "row")), why),
    );
    if (!subscription) return why.replaceChildren("Closed: nobody can be asked why it is here.");
    const { result, error } = await this.line.call("subscription.explain", { subscription, id });
    why.replaceChildren(error ? problem(error) : tree(result, "why it is here (subscription.explain)"));
  }
}

function entry({ op, id, version, set, reason }) {
  const time = element("time", {}, new Date().toTimeString().slice(0, 8));
  if (op === "reset") return element("li", {}, time, " ", element("strong.reset", {}, "reset"), " all rows are here");
  const more = set
    ? Object.entries(set)
        .slice(0, 3)
        .map(([name, value]) => `${name}: ${JSON.stringify(value)}`)
        .join(", ")
    : reason;
  return element(
    "li",
    {},
    time,
    " ",
    element(`strong.${op}`, {}, op),
    " ",
    element("code", { title: id }, `…${id.slice(-8)}`),
    ` v${version} `,
    element("span.about", {}, more.slice(0, 120)),
  );
}
