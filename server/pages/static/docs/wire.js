import { copier, element } from "./element.js";
import { highlighted } from "./highlight.js";

const SHOWN = 100;
const LONG = 2000;
const SECRET = /("(?:password|token|current|new)"\s*:\s*)"(?:[^"\\]|\\.)*"?/g;

/** Each frame of the page's connection as it went over the line, both ways; but for passwords and tokens. */
export function wire(line) {
  const list = element("ol", { tabindex: 0, "aria-label": "Frames, the newest first" });
  const count = element("span.tag", {}, "0");
  const all = () => line.frames.map(({ isSent, text }) => `${isSent ? "→" : "←"} ${hidden(text)}`).join("\n");
  const node = element(
    "details.wire",
    {},
    element("summary", {}, "Frames ", count),
    element("p.tools", {}, copier(all, "Copy all")),
    list,
  );
  let seen = 0;
  let drawing;
  const draw = () => {
    drawing = undefined;
    count.textContent = seen;
    if (node.open) list.replaceChildren(...line.frames.slice(-SHOWN).reverse().map(item));
  };
  line.addEventListener("frame", () => {
    seen++;
    drawing ??= requestAnimationFrame(draw);
  });
  node.addEventListener("toggle", draw);
  return node;
}

function item({ isSent, text, length }) {
  const shown = hidden(text).slice(0, LONG);
  const [kind, arrow] = isSent ? ["sent", "→"] : ["received", "←"];
  const way = element(`span.${kind}`, { role: "img", "aria-label": kind }, arrow);
  return element("li", {}, way, element("code", {}, highlighted(shown), length > LONG && ` … ${length} characters`));
}

const hidden = (text) => text.replace(SECRET, '$1"•••"');
