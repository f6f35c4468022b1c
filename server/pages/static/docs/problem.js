import { element, prose } from "./element.js";
import { tree } from "./tree.js";

/** What a person does about an error, by its kind. */
export const ADVICE = {
  parse_error: "Look for a missing quote, comma or bracket.",
  invalid_request: "A request is an object with jsonrpc, method, and params that are an object or a list.",
  method_not_found: "Compare the name with the list on this page.",
  invalid_params: "Correct what is marked, and call again.",
  internal_error: "It is not your mistake. Give the trace below to whoever runs the server: its log has it too.",
  unauthenticated: "Sign in, then call again.",
  bad_credentials:
    "Check the email and the password. Which of them is wrong is not told, so that nobody can try emails.",
  session_expired: "Sign in again; what was subscribed goes on from its position.",
  forbidden: "You see this row but may not do this to it. Its owner or an admin may.",
  not_found: "Check the id. A row that you may not see answers the same as one that is not there.",
  email_taken: "Sign in with this email, or take another.",
  id_taken: "Leave `id` out to get a new one, or take another.",
  version_conflict: "Somebody was faster. Look at the row as it is now, and write again with its version.",
  retry_key_reused: "A key belongs to one call. Take a new one, or repeat the very same params.",
  position_gone: "Subscribe anew, without `after`.",
  message_too_large: "Send less at once, or ask for less: a smaller `limit`, fewer `fields`.",
  batch_too_large: "Divide the batch; system.info tells the limit.",
  too_many_rows: "Narrow `where`.",
  weak_password: "Take a longer password; system.info tells the least length.",
  needs_socket: "Open a WebSocket to /rpc and call it there, as this page does.",
  too_many_calls: "Wait a moment, then call again.",
  too_many_subscriptions: "Close one with subscription.close.",
  too_many_attempts: "Wait, then try again. Attempts that succeed do not count.",
  cancelled: "You stopped it. A write that was cancelled has written nothing.",
  unavailable: "The database is away for the moment; the connection stays. Call again shortly.",
  timeout: "Call again, and ask for less if it stays so.",
  connection_lost:
    "The line broke before the reply came. It mends itself; a write may have been done, so repeat it with its `retry_key`.",
  connection_closed: "The connection is closed. Load this page again.",
  queue_full: "A hundred calls wait for the line already. Wait until it is back.",
};

/** An error as a person wants it: what it is, where, what to do; `actions` are buttons that do it. */
export function problem(error, actions = []) {
  const { kind, path, retry_after_ms: wait, ...more } = error.data ?? {};
  const rest = Object.keys(more).length > 0;
  return element(
    "div.problem",
    {},
    element("p", {}, element("strong.kind", {}, kind ?? "error"), " ", element("span.type", {}, String(error.code))),
    element("p.said", {}, prose(error.message)),
    path && element("p", {}, "At ", element("code", {}, path), "."),
    ADVICE[kind] && element("p.advice", {}, element("strong", {}, "What to do: "), prose(ADVICE[kind])),
    wait && element("p", {}, `It may succeed in ${seconds(wait)}.`),
    actions.length > 0 && element("p.actions", {}, actions),
    rest && element("div.tree", {}, tree(more, "data")),
  );
}

export const seconds = (ms) => (ms < 1000 ? `${Math.ceil(ms)} ms` : `${Math.ceil(ms / 1000)} s`);
