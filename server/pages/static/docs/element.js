/** An element: `element("p.note", { onclick }, "text", child)`. Text stays text: nothing is ever read as HTML. */
export function element(name, given = {}, ...children) {
  const [tag, ...classes] = name.split(".");
  const made = document.createElement(tag);
  if (classes.length) made.className = classes.join(" ");
  for (const [key, value] of Object.entries(given)) {
    if (value === undefined || value === null || value === false) continue;
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.flat(2).filter((child) => child !== undefined && child !== null && child !== false));
  return made;
}

/** A sentence of the document, whose `words in backticks` are code. */
export function prose(text = "") {
  return text.split("`").map((part, index) => (index % 2 ? element("code", {}, part) : part));
}

/** Paragraphs, divided by an empty line; one whose lines begin with "- " is a list. */
export function paragraphs(text = "") {
  const part = (text) =>
    text.startsWith("- ")
      ? element(
          "ul",
          {},
          text
            .slice(2)
            .split("\n- ")
            .map((item) => element("li", {}, prose(item))),
        )
      : element("p", {}, prose(text));
  return text.split(/\n\n+/).filter(Boolean).map(part);
}

/** A button that copies what `text` gives, and says so. */
export function copier(text, label = "Copy") {
  const button = element("button.quiet", { type: "button" }, label);
  button.addEventListener("click", async () => {
    const done = await navigator.clipboard.writeText(text()).then(
      () => true,
      () => false,
    );
    button.textContent = done ? "Copied" : "Not allowed here";
    setTimeout(() => (button.textContent = label), 1500);
  });
  return button;
}

/** Buttons of which one is pressed; `chosen` is told its name, now and at each change. */
export function choices(label, names, chosen) {
  const buttons = names.map((name) => element("button", { type: "button", onclick: () => choose(name) }, name));
  function choose(name) {
    for (const each of buttons) each.setAttribute("aria-pressed", each.textContent === name);
    chosen(name);
  }
  return { node: element("div.choices", { role: "group", "aria-label": label }, buttons), choose };
}

/** A part of the page with a title, `beside` which its tools stand. */
export function card(title, beside, ...children) {
  return element(
    "section.card",
    { "aria-label": title },
    element("header", {}, element("h2", {}, title), beside),
    children,
  );
}

export const button = (text, onclick, kind = "button") => element(kind, { type: "button", onclick }, text);
