/** A JSON value as a literal of a language, on one line while that is short. */

const WIDTH = 64;
const STYLES = {
  javascript: {
    name: (each) => (/^[A-Za-z_$][\w$]*$/.test(each) ? each : JSON.stringify(each)),
    gap: " ",
    step: "  ",
    last: ",",
  },
  python: {
    name: JSON.stringify,
    words: { true: "True", false: "False", null: "None" },
    gap: "",
    step: "    ",
    last: ",",
  },
  gdscript: { name: JSON.stringify, gap: "", step: "\t", last: "," },
  json: { name: JSON.stringify, gap: "", step: "  ", last: "" },
};

/** `before` is the line that it goes on; its indentation is that of the literal. */
export function literal(language, value, before = "") {
  return written(STYLES[language], value, before.match(/^\s*/)[0], before.length);
}

function written(style, value, indent, used) {
  if (value === null || typeof value !== "object") return style.words?.[String(value)] ?? JSON.stringify(value);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const parts = (inside) =>
    (Array.isArray(value)
      ? value.map((each) => ["", each])
      : Object.entries(value).map(([name, each]) => [`${style.name(name)}: `, each])
    ).map(([name, each]) => name + written(style, each, inside, inside.length + name.length));
  const all = parts(indent);
  if (!all.length) return open + close;
  const gap = open === "{" ? style.gap : "";
  const line = `${open}${gap}${all.join(", ")}${gap}${close}`;
  if (used + line.length <= WIDTH && !line.includes("\n")) return line;
  const inside = indent + style.step;
  return `${open}\n${parts(inside)
    .map((each) => inside + each)
    .join(",\n")}${style.last}\n${indent}${close}`;
}
