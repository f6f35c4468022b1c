const FIRST = ["user.create"];
/** What ends the session of the others, and what needs a new one. */
const LAST = ["session.delete", "session.create", "session.resume", "session.renew", "user.set_password", "user.delete"];

/** The methods as somebody would call them: signing up first, leaving last. */
export function inOrder(methods) {
  const place = ({ name }) => (FIRST.includes(name) ? -1 : LAST.indexOf(name) + 1);
  const follows = ({ name }) => (name.endsWith(".subscribe") ? 0 : name === "subscription.close" ? 2 : 1);
  return [...methods].sort((a, b) => place(a) - place(b) || follows(a) - follows(b) || a.name.localeCompare(b.name));
}

/** The tool's validator takes no `format`; the tests in Python check them. */
export function withoutFormats(value) {
  if (Array.isArray(value)) return value.map(withoutFormats);
  if (value === null || typeof value !== "object") return value;
  const kept = Object.entries(value).filter(([key, each]) => key !== "format" || typeof each !== "string");
  return Object.fromEntries(kept.map(([key, each]) => [key, withoutFormats(each)]));
}
