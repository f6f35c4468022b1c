import { element } from "./element.js";

const LARGE = 100_000;
const WORDS =
  /^(?:import|from|const|await|async|new|for|of|in|let|var|func|def|with|as|if|print|return|extends|true|false|null|None|True|False)$/;
const TOKEN =
  /(?<comment>(?:^|(?<=\s))(?:#|\/\/).*$)|(?<string>"(?:[^"\\\n]|\\.)*"(?<key>(?=\s*:))?|'[^']*')|(?<number>(?<![\w.]|\d:)-?\d+(?:\.\d+)?(?:e[+-]?\d+)?\b(?!\.))|(?<word>[A-Za-z_]\w*)/gm;

/** Text with its strings, numbers and words told apart; plain when it is large. */
export function highlighted(text) {
  if (text.length > LARGE) return [text];
  const nodes = [];
  let end = 0;
  for (const { 0: found, index, groups } of text.matchAll(TOKEN)) {
    const kind = groups.comment
      ? "comment"
      : groups.key !== undefined
        ? "key"
        : groups.string
          ? "string"
          : groups.number
            ? "number"
            : WORDS.test(found)
              ? "word"
              : "";
    if (!kind) continue;
    nodes.push(text.slice(end, index), element(`span.${kind}`, {}, found));
    end = index + found.length;
  }
  return [...nodes, text.slice(end)];
}

/** A block of code that scrolls by itself. */
export function block(text, label) {
  return element(
    "pre.code",
    { tabindex: 0, role: "region", "aria-label": label },
    element("code", {}, highlighted(text)),
  );
}
