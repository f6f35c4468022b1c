// Who is signed in: the demo's user, whom the server names in `dev`; else whoever the form makes.

/** A call over POST. Rejects with the server's sentence and, as `kind`, its word for it. */
export async function post(method, params) {
  const reply = await fetch("/rpc", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  });
  const { result, error } = await reply.json();
  if (error) throw Object.assign(new Error(error.message), { kind: error.data?.kind ?? error.kind });
  return result;
}

const key = (name) => `victoryvault.demo.${name}`;
export const keptToken = (name) => sessionStorage.getItem(key(name));
export const keepToken = (name, token) => sessionStorage.setItem(key(name), token);

/** For a Connection: first the token that was kept; once that has ended, a new one, if `signIn` gives one. */
export function tokenOf(name, signIn) {
  let isFirst = true;
  return async () => {
    const kept = isFirst ? keptToken(name) : null;
    isFirst = false;
    if (kept) return kept;
    sessionStorage.removeItem(key(name));
    const token = await signIn();
    if (token) keepToken(name, token);
    return token;
  };
}

/** Signs in with what the form says, and makes the user where there is none. Gives the token. */
export async function signUp({ full_name, email, password }) {
  try {
    return (await post("user.create", { full_name, email, password, profile: { score: 500 } })).token;
  } catch (error) {
    if (error.kind !== "email_taken") throw error;
    return (await post("session.create", { email, password })).token;
  }
}
