/** Where the value at `path`, as `set.profile[0].x`, stands in a JSON text: `[start, end]`, or the deepest that is there. */
export function locate(text, path) {
  const token = /"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\s{}[\],:"]+/g;
  let best = [0, text.length];
  let at = token.exec(text);
  const next = () => (at = token.exec(text));
  function value(here, start) {
    if (at[0] === "{" || at[0] === "[") members(here, at[0] === "[");
    const end = at ? at.index + at[0].length : text.length;
    if (here && isAbove(here, path) && end - start < best[1] - best[0]) best = [start, end];
  }
  function members(here, isList) {
    for (let index = 0; next() && !/^[}\]]$/.test(at[0]);) {
      if (at[0] === ",") continue;
      const start = at.index;
      let inside = `${here}[${index++}]`;
      if (!isList) {
        const name = JSON.parse(at[0]);
        inside = here ? `${here}.${name}` : name;
        if (!next() || at[0] !== ":" || !next()) return;
      }
      value(inside, start);
      if (!at) return;
    }
  }
  if (at) value("", at.index);
  return best;
}

/** Whether what is wrong at `path` is in, or is, the value at `here`. */
export function isAbove(here, path) {
  return path === here || path.startsWith(`${here}.`) || path.startsWith(`${here}[`);
}
