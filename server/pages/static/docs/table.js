import { element } from "./element.js";

const SHOWN = 200;
const SORTED = 5000;
const MARK_MS = 1600;

/** Live rows as a table: what enters, changes and leaves is marked, and rows move to where they belong. */
export class Table {
  constructor(look) {
    this.look = look;
    this.lines = new Map();
    this.head = element("tr");
    this.rows = element("tbody");
    this.count = element("p.about");
    const table = element("table", {}, element("thead", {}, this.head), this.rows);
    this.node = element(
      "div",
      {},
      element("div.scroll", { tabindex: 0, role: "region", "aria-label": "Rows" }, table),
      this.count,
    );
    this.order = { column: undefined, isDown: false };
  }

  /** Shows `rows`, a Map by id; `changes` since the last time are marked. */
  show(rows, changes = []) {
    this.all = rows;
    if (rows.size) this.#columns([...rows.values()][0]);
    const before = this.#places();
    for (const each of changes) if (each.op === "leave") this.#leave(each);
    const shown = this.#sorted([...rows.values()]).slice(0, SHOWN);
    const ids = new Set(shown.map((row) => row.id));
    for (const [id, line] of this.lines) if (!ids.has(id)) this.#drop(id, line);
    for (const row of shown) this.#line(row);
    this.#place(shown.map((row) => this.lines.get(row.id).node));
    for (const each of changes) this.#mark(each);
    this.#move(before);
    this.count.textContent =
      rows.size > SHOWN ? `The first ${SHOWN} of ${rows.size} rows.` : rows.size ? "" : "No row matches now.";
  }

  get size() {
    return this.all?.size ?? 0;
  }

  #columns(row) {
    const names = Object.keys(row);
    if (names.join() === this.names?.join()) return;
    this.names = names;
    const sort = (name) => () => {
      this.order = { column: name, isDown: this.order.column === name && !this.order.isDown };
      this.#heads();
      this.show(this.all);
    };
    this.head.replaceChildren(
      ...names.map((name) =>
        element("th", { scope: "col" }, element("button", { type: "button", onclick: sort(name) }, name)),
      ),
    );
    for (const [id, line] of this.lines) this.#drop(id, line);
  }

  #heads() {
    for (const [index, name] of this.names.entries()) {
      const isIt = name === this.order.column;
      this.head.children[index].setAttribute(
        "aria-sort",
        isIt ? (this.order.isDown ? "descending" : "ascending") : "none",
      );
    }
  }

  #sorted(rows) {
    const { column, isDown } = this.order;
    if (!column || rows.length > SORTED) return rows;
    const way = isDown ? -1 : 1;
    return rows.sort((a, b) =>
      written(a[column]) < written(b[column]) ? -way : written(a[column]) > written(b[column]) ? way : 0,
    );
  }

  #line(row) {
    let line = this.lines.get(row.id);
    if (line?.row === row) return;
    if (!line) {
      line = {
        node: element(
          "tr",
          { "data-id": row.id },
          this.names.map((name) => element("td", { "data-field": name })),
        ),
      };
      this.lines.set(row.id, line);
    }
    for (const [index, name] of this.names.entries()) {
      if (line.row && line.row[name] === row[name]) continue;
      line.node.children[index].replaceChildren(name === "id" ? this.#id(row.id) : shortly(row[name]));
      line.node.children[index].title = name === "id" ? row.id : written(row[name]);
    }
    line.row = row;
  }

  #id(id) {
    return element(
      "button.quiet",
      { type: "button", "aria-label": `…${id.slice(-8)}, why it is here`, onclick: () => this.look(id) },
      `…${id.slice(-8)}`,
    );
  }

  /** In this order, with those that are leaving where they were. */
  #place(nodes) {
    let at = this.rows.firstElementChild;
    for (const node of nodes) {
      while (at?.dataset.leaving) at = at.nextElementSibling;
      if (at === node) at = at.nextElementSibling;
      else this.rows.insertBefore(node, at);
    }
  }

  #drop(id, { node }) {
    this.lines.delete(id);
    node.remove();
  }

  #leave({ id, reason }) {
    const line = this.lines.get(id);
    if (!line) return;
    this.lines.delete(id);
    Object.assign(line.node.dataset, { leaving: reason, mark: "leave" });
    setTimeout(() => line.node.remove(), MARK_MS);
  }

  #mark({ op, id, set }) {
    const node = op !== "leave" && this.lines.get(id)?.node;
    if (!node) return;
    const marked =
      op === "enter" ? [node] : this.names.map((name, index) => name in set && node.children[index]).filter(Boolean);
    for (const each of marked) {
      each.dataset.mark = op;
      clearTimeout(each.timer);
      each.timer = setTimeout(() => delete each.dataset.mark, MARK_MS);
    }
  }

  #places() {
    return new Map([...this.rows.children].map((node) => [node, node.offsetTop]));
  }

  #move(before) {
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
    for (const [node, top] of before) {
      const by = node.isConnected ? top - node.offsetTop : 0;
      if (by)
        node.animate([{ transform: `translateY(${by}px)` }, { transform: "none" }], {
          duration: 250,
          easing: "ease-out",
        });
    }
  }
}

const written = (value) =>
  typeof value === "string" ? value : typeof value === "number" ? value : (JSON.stringify(value) ?? "");

function shortly(value) {
  const text = String(written(value));
  return text.length > 60 ? `${text.slice(0, 60)}…` : text;
}
