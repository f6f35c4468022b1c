// What one does on /docs, whatever the test.
import { DEMO } from "./ground.mjs";

export const heading = (page, name) => page.getByRole("heading", { level: 1, name, exact: true }).waitFor();
export const button = (page, name) => page.getByRole("button", { name, exact: true });
export const reply = (page) => page.getByRole("region", { name: "Reply" });
export const params = (page) => page.getByRole("form", { name: "Call" });

export async function signIn(page) {
  await page.locator(".who").getByRole("button", { name: "Sign in" }).click();
  await page.getByLabel("Email", { exact: true }).fill(DEMO.email);
  await page.getByLabel("Password", { exact: true }).fill(DEMO.password);
  await page.getByRole("dialog").getByRole("button", { name: "Sign in", exact: true }).click();
  await button(page, "Sign out").waitFor();
}

/** A page of one method, with the demo user signed in. */
export async function opened(here, t, method, options) {
  const page = await here.open(t, `/docs#${method}`, {
    permissions: ["clipboard-read", "clipboard-write"],
    ...options,
  });
  await heading(page, method);
  await signIn(page);
  return page;
}

/** Calls with the JSON that is given. */
export async function callWith(page, given) {
  await button(page, "JSON").click();
  await page.getByLabel("Params as JSON").fill(given);
  await button(page, "Call").click();
}

let made = 0;
export const someone = (full_name) => ({ full_name, email: `docs-${++made}@example.org`, password: "a long password" });
