import { element } from "./element.js";

/** The list of everything, and the search over it. `/` comes here, arrows move, Enter goes there. */
export class Search {
  constructor(api) {
    this.input = element("input", {
      type: "search",
      placeholder: "Search",
      "aria-label": "Search methods",
      "aria-keyshortcuts": "/",
      autocomplete: "off",
      spellcheck: "false",
    });
    this.found = element("p.about.found", { role: "status" });
    this.items = [];
    this.telling = telling(api.groups.flatMap(([, entries]) => entries));
    const groups = api.groups.map(([name, entries]) => this.#group(name, entries));
    const bar = element("div.search", {}, this.input, element("kbd", { "aria-hidden": "true" }, "/"));
    this.overview = element("a", { href: "#" }, "Overview");
    this.node = element("div.index", {}, bar, this.found, element("ul", {}, element("li", {}, this.overview)), groups);
    this.input.addEventListener("input", () => this.#filter());
    this.node.addEventListener("keydown", (event) => this.#key(event));
    document.addEventListener("keydown", (event) => {
      if (
        event.key !== "/" ||
        event.ctrlKey ||
        event.metaKey ||
        event.altKey ||
        event.target.matches("input, textarea, select")
      )
        return;
      event.preventDefault();
      this.focus();
    });
  }

  focus() {
    this.node.closest("details")?.setAttribute("open", "");
    this.input.focus();
    this.input.select();
  }

  /** Marks the link of the entry that is shown. */
  current(name) {
    for (const link of [this.overview, ...this.items.map((each) => each.link)]) {
      if (link.hash.slice(1) !== name) link.removeAttribute("aria-current");
      else link.setAttribute("aria-current", "page");
    }
    this.node.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest" });
  }

  #group(name, entries) {
    const items = entries.map((entry) => {
      const text = element("span", {}, entry.name);
      const link = element(
        "a",
        { href: `#${entry.name}`, title: entry.summary },
        text,
        entry.subscribes && !entry.isNotification && element("span.tag", {}, "live"),
      );
      const item = { entry, link, text, node: element("li", {}, link), words: searchable(entry, this.telling) };
      this.items.push(item);
      return item;
    });
    const list = element(
      "ul",
      {},
      items.map((each) => each.node),
    );
    return element("section", {}, element("h2", {}, name), list);
  }

  #filter() {
    const asked = this.input.value.trim().toLowerCase();
    const wanted = asked.split(/\s+/).filter(Boolean);
    let count = 0;
    for (const item of this.items) {
      const isFound = wanted.every((word) => item.words.includes(word));
      item.node.hidden = !isFound;
      if (isFound) count++;
      item.text.replaceChildren(...marked(item.entry.name, asked));
    }
    for (const section of this.node.querySelectorAll("section"))
      section.hidden = !section.querySelector("li:not([hidden])");
    this.found.textContent = asked && (count ? `${count} found` : "Nothing is called so, or says so.");
  }

  #key(event) {
    const links = this.items.filter(({ node }) => !node.hidden).map(({ link }) => link);
    const at = links.indexOf(document.activeElement);
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) {
      event.preventDefault();
      if (at + step < 0) this.input.focus();
      else links[Math.min(at + step, links.length - 1)]?.focus();
    } else if (event.key === "Enter" && event.target === this.input && links.length) this.#best(links).click();
    else if (event.key === "Escape" && event.target === this.input) {
      this.input.value = "";
      this.#filter();
    }
  }

  /** The one whose name begins so, or has it, before those that only speak of it. */
  #best(links) {
    const asked = this.input.value.trim().toLowerCase();
    const rank = (link) =>
      [asked === link.hash.slice(1), link.hash.slice(1).startsWith(asked), link.hash.includes(asked)].indexOf(true) >>>
      0;
    return links.toSorted((a, b) => rank(a) - rank(b))[0];
  }
}

/** The kinds of errors that tell methods apart: what nearly all may answer would find nearly all. */
function telling(entries) {
  const kinds = entries.flatMap(({ errors }) => errors.map(({ kind }) => kind));
  return new Set(kinds.filter((kind) => kinds.filter((each) => each === kind).length <= entries.length / 4));
}

function searchable({ name, summary = "", description = "", params, errors }, telling) {
  const inside = params.flatMap((each) => [each.name, each.description ?? ""]);
  const kinds = errors.map((each) => each.kind).filter((kind) => telling.has(kind));
  return [name, name.replaceAll(/[._]/g, " "), summary, description, ...inside, ...kinds].join(" ").toLowerCase();
}

function marked(name, asked) {
  const at = asked ? name.toLowerCase().indexOf(asked) : -1;
  if (at < 0) return [name];
  return [name.slice(0, at), element("mark", {}, name.slice(at, at + asked.length)), name.slice(at + asked.length)];
}
