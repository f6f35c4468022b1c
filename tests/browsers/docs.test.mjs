// /docs, as its readers use it: found, read, and called.
import assert from "node:assert/strict";
import { test } from "node:test";
import { gzipSync } from "node:zlib";
import { button, callWith, heading, opened, params, reply, someone } from "./docs.mjs";
import { assertAccessible, assertFits, assertNoFaults, DEMO, ground, NARROW, screenshot, WIDE } from "./ground.mjs";
import { connect } from "./peer.mjs";
import { createDatabase, startServer } from "./server.mjs";

const MAX_BYTES = 60_000;
const own = {};
const here = ground(async ({ server, others }) => {
  const environment = { DATABASE_URL: createDatabase(server.data, "docs") };
  others.push(await startServer({ environment })); // applies the migrations
  others.push((own.serve = await startServer({ command: "serve", environment })));
});

test("a method is found by search, with the keyboard alone", async (t) => {
  const page = await here.open(t, "/docs");
  await heading(page, "VictoryVault");
  await page.keyboard.press("/");
  await page.keyboard.type("user upd");
  await page.getByText("1 found").waitFor();
  await page.keyboard.press("Enter");
  await heading(page, "user.update");
  await page.keyboard.press("/");
  await page.keyboard.type("session");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("Enter");
  await heading(page, "session.delete");
  assertNoFaults(page);
});

test("every method and notification of the document has a page", async (t) => {
  const page = await here.open(t, "/docs");
  const { methods } = await (await fetch(`${here.server.url}/openrpc.json`)).json();
  for (const { name, summary } of methods) {
    await page.evaluate((hash) => (location.hash = hash), name);
    await heading(page, name);
    assert.equal(await page.locator(".lead").innerText(), summary.replaceAll("`", ""));
  }
  assert.equal(await page.locator("nav section a").count(), methods.length);
  assertNoFaults(page);
});

/** Of another server: references everywhere, schemas that contain themselves, and whatever else JSON Schema has. */
const STRANGE = {
  openrpc: "1.4.0",
  info: { title: "Strange", version: "1" },
  methods: [
    { $ref: "#/components/x-methods/plant" },
    { name: "tree.fell", params: [{ name: "id", schema: { type: "integer" } }] },
  ],
  components: {
    "x-methods": {
      plant: {
        name: "tree.plant",
        params: [{ $ref: "#/components/contentDescriptors/Tree" }, { name: "anything", schema: true }],
        result: { name: "planted", schema: { $ref: "#/components/schemas/Node~1Tree" } },
        errors: [{ code: 1, message: "Too dry." }, { $ref: "#/components/errors/wet" }],
        examples: [{ $ref: "#/components/examplePairings/oak" }, { name: "elm", params: [] }],
      },
    },
    contentDescriptors: { Tree: { name: "tree", required: true, schema: { $ref: "#/components/schemas/Node~1Tree" } } },
    schemas: {
      "Node/Tree": {
        allOf: [
          { type: "object", properties: { name: { type: ["string", "null"] } }, required: ["name"] },
          { properties: { branches: { type: "array", items: { $ref: "#/components/schemas/Node~1Tree" } } } },
        ],
      },
      Loop: { $ref: "#/components/schemas/Loop" },
    },
    examples: { oak: { name: "tree", value: { name: "Oak", branches: [{ name: "Bough" }] } } },
    examplePairings: { oak: { name: "an oak", params: [{ $ref: "#/components/examples/oak" }] } },
    errors: { wet: { code: 2, message: "Too wet.", data: { kind: ["wet", "soaked"] } } },
  },
};

test("whatever an OpenRPC document says can be read", async (t) => {
  const prepare = (context) => context.route("**/openrpc.json", (route) => route.fulfill({ json: STRANGE }));
  const page = await here.open(t, "/docs#tree.plant", { prepare });
  await heading(page, "tree.plant");
  assert.deepEqual(JSON.parse(await page.getByLabel("tree").inputValue()), {
    name: "Oak",
    branches: [{ name: "Bough" }],
  });
  assert.equal(await page.getByLabel("Example").inputValue(), "0");
  const result = page.getByRole("region", { name: "Result" });
  for (let depth = 0; depth < 3; depth++) await result.getByText("members").nth(depth).click();
  const branches = result.getByText("branches", { exact: true });
  await branches.nth(3).waitFor(); // what is opened tells so in a turn of its own
  assert.equal(await branches.count(), 4);
  for (const kind of ["1", "wet", "soaked"]) {
    await page.getByRole("region", { name: "Errors" }).getByText(kind, { exact: true }).first().waitFor();
  }
  await page.getByRole("link", { name: "tree.fell" }).click();
  await page.getByText("the server sends it").waitFor();
  assertNoFaults(page);
});

test("a deep link shows the method, with the params that it carries", async (t) => {
  const page = await here.open(t, `/docs#user.list?${encodeURIComponent('{"limit":7}')}`, {
    permissions: ["clipboard-read", "clipboard-write"],
  });
  await heading(page, "user.list");
  assert.equal(await page.getByLabel("limit").inputValue(), "7");
  await page.getByLabel("limit").fill("8");
  await button(page, "Copy link").click();
  await button(page, "Copied").waitFor();
  const link = await page.evaluate(() => navigator.clipboard.readText());
  assert.equal(
    link,
    `${here.server.url}/docs#user.list?${encodeURIComponent('{"where":{"full_name":{"prefix":"Ada"}},"limit":8}'.replace(/"where".*\},/, ""))}`,
  );
});

test("examples are filled in, and a form calls", async (t) => {
  const page = await opened(here, t, "user.list");
  assert.match(await page.getByLabel("where").inputValue(), /"full_name"/);
  await page.getByLabel("where").fill('{"full_name": {"prefix": "Ada"}}');
  await page.getByLabel("limit").fill("3");
  await page.getByLabel("limit").press("Enter");
  await reply(page).getByText("ok", { exact: true }).waitFor();
  assert.match(await reply(page).getByRole("status").innerText(), /^ok · \d+\.\d ms · [\d.]+ (bytes|kB)$/);
  await reply(page).getByText("Ada Lovelace").first().waitFor();
  await button(page, "Text").click();
  const shown = JSON.parse(await reply(page).locator("pre").innerText());
  assert.equal(shown.users[0].full_name, "Ada Lovelace");
  assertNoFaults(page);
});

test("params are JSON too, and the same ones", async (t) => {
  const page = await opened(here, t, "user.list");
  await button(page, "Empty").click();
  await page.getByLabel("limit").fill("2");
  await page.getByLabel("order_by").fill("-full_name");
  await button(page, "JSON").click();
  assert.deepEqual(JSON.parse(await page.getByLabel("Params as JSON").inputValue()), {
    order_by: ["-full_name"],
    limit: 2,
  });
  await page.getByLabel("Params as JSON").fill('{"limit": 4');
  await button(page, "Call").click();
  await params(page).getByText("This is not JSON yet").waitFor();
  await page.getByLabel("Params as JSON").fill('{"limit": 4}');
  await page.keyboard.press("Control+Enter");
  await reply(page).getByText("[4]").waitFor();
  await button(page, "Form").click();
  assert.equal(await page.getByLabel("limit").inputValue(), "4");
  assertNoFaults(page);
});

test("params that the form cannot show stay JSON", async (t) => {
  const page = await opened(here, t, "user.list");
  await callWith(page, '{"limit": 1, "where": null}');
  await reply(page).getByText("ok", { exact: true }).waitFor();
  await page.getByLabel("Params as JSON").fill('{"limit": 1, "unheard": 2}');
  await button(page, "Form").click();
  await page.getByText("The form cannot show all of these params").waitFor();
  await button(page, "Call").click();
  await reply(page).getByText("unheard is not known here").waitFor();
});

test("a wrong param is shown at its field, with what to do", async (t) => {
  const page = await opened(here, t, "user.list");
  await page.getByLabel("limit").fill("many");
  await button(page, "Call").click();
  const field = page.locator(".field", { has: page.getByLabel("limit") });
  await field.getByText("limit is an integer.").waitFor();
  assert.equal(await page.getByLabel("limit").getAttribute("aria-invalid"), "true");
  assert.equal(await page.evaluate(() => document.activeElement.inputMode), "decimal");
  await reply(page).getByText("invalid_params").waitFor();
  await reply(page).getByText("What to do:").waitFor();
  await page.getByLabel("limit").fill("5");
  assert.equal(await page.getByLabel("limit").getAttribute("aria-invalid"), null);
  assertNoFaults(page);
});

test("what is wrong deep inside a `where` is selected", async (t) => {
  const page = await opened(here, t, "user.list");
  await page.getByLabel("where").fill('{"any": [{"status": "a"}, {"full_name": {"prefx": "A"}}]}');
  await button(page, "Call").click();
  await reply(page).getByText("where.any[1].full_name.prefx").waitFor();
  const selected = () =>
    page.evaluate(
      () =>
        String(getSelection()) ||
        document.activeElement.value.slice(document.activeElement.selectionStart, document.activeElement.selectionEnd),
    );
  assert.equal(await selected(), '"prefx": "A"');
  await callWith(page, '{"set": 1, "where": {"not": {"id": "nobody"}}}');
  await reply(page).getByText("set is not known here").waitFor();
  assert.equal(await selected(), '"set": 1');
});

test("a nested param has a field, and its error is there", async (t) => {
  const page = await opened(here, t, "user.update");
  await page.getByLabel("status").fill("x".repeat(141));
  await button(page, "Call").click();
  await page
    .locator(".field", { has: page.getByLabel("status") })
    .getByText("set.status has at most 140 characters.")
    .waitFor();
  await page.getByLabel("status").fill("reading");
  await button(page, "Call").click();
  await reply(page).getByText('"reading"').waitFor();
  assertNoFaults(page);
});

test("a version that is old is taken from the row as it is now", async (t) => {
  const page = await opened(here, t, "user.update");
  await page.getByLabel("version").fill("0");
  await button(page, "Call").click();
  await reply(page).getByText("version_conflict").waitFor();
  await reply(page)
    .getByRole("button", { name: /^Take version/ })
    .click();
  await button(page, "Call").click();
  await reply(page).getByText("ok", { exact: true }).waitFor();
});

test("who is not signed in is told so, signs in, and stays so when the page is loaded again", async (t) => {
  const page = await here.open(t, "/docs#user.list");
  await heading(page, "user.list");
  await button(page, "Call").click();
  await reply(page).getByText("unauthenticated").waitFor();
  await reply(page).getByRole("button", { name: "Sign in" }).click();
  await page.getByText("The token stays in this tab").waitFor();
  await page.getByLabel("Email", { exact: true }).fill(DEMO.email);
  await page.getByLabel("Password", { exact: true }).fill("not the password");
  await page.getByRole("dialog").getByRole("button", { name: "Sign in", exact: true }).click();
  await page.getByRole("dialog").getByText("bad_credentials").waitFor();
  await page.getByRole("dialog").getByRole("button", { name: "Sign in as the demo user" }).click();
  await button(page, "Sign out").waitFor();
  assert.equal(await page.evaluate(() => Object.keys(localStorage).filter((each) => each.includes("token")).length), 0);
  await page.reload();
  await button(page, "Sign out").click();
  await page.locator(".who").getByRole("button", { name: "Sign in" }).waitFor();
  assert.equal(await page.evaluate(() => sessionStorage.getItem("victoryvault.token")), null);
  await button(page, "Call").click();
  await reply(page).getByText("unauthenticated").waitFor();
  assertNoFaults(page);
});

test("where there is no demo, an account of one's own does all of it", async (t) => {
  const page = await here.open(t, "/docs#user.create", { server: own.serve });
  await heading(page, "user.create");
  await page.locator(".who").getByRole("button", { name: "Sign in" }).click();
  assert.equal(await page.getByText("demo user").count(), 0);
  await button(page, "Cancel").click();
  await callWith(page, JSON.stringify(someone("Own Ada")));
  await page.locator(".who").getByText("Own Ada").waitFor();
  await page.evaluate(() => (location.hash = "user.subscribe"));
  await button(page, "Empty").click();
  await button(page, "Subscribe").click();
  await page.getByRole("region", { name: "Rows" }).getByText("Own Ada").waitFor();
  assertNoFaults(page);
});

test("the demo's password is for this page only", async () => {
  const ask = (url, headers) => fetch(`${url}/docs/account`, { headers });
  assert.deepEqual(await (await ask(here.server.url)).json(), { account: DEMO });
  assert.equal((await ask(here.server.url, { Origin: "https://elsewhere.example" })).status, 403);
  assert.deepEqual(await (await ask(own.serve.url)).json(), { account: null });
});

test("a session that is ended elsewhere is said to have ended", async (t) => {
  const page = await opened(here, t, "session.list");
  const { call } = await connect(t, here.server.url);
  await button(page, "Call").click();
  await button(page, "Text").click();
  const { sessions } = JSON.parse(await reply(page).locator("pre").innerText());
  await call("session.delete", { id: sessions.find((each) => each.current).id });
  await page.getByText("Your session has ended.").waitFor();
  await page.evaluate(() => (location.hash = "session.ended"));
  await heading(page, "session.ended");
  await page.getByText("1 since the page was loaded").waitFor();
});

test("a large reply can be looked at, and does not hold the page up", async (t) => {
  const page = await opened(here, t, "user.list");
  await callWith(page, '{"limit": 1}');
  await reply(page).getByText("ok", { exact: true }).waitFor();
  const longest = await page.evaluate(async () => {
    const { tree } = await import("/static/docs/tree.js");
    const users = Array.from({ length: 20_000 }, (_, id) => ({
      id,
      name: `User ${id}`,
      profile: { score: id, words: ["a", "b"] },
    }));
    const began = performance.now();
    const node = tree({ users });
    document.querySelector("section[aria-label=Reply] > div").replaceChildren(node);
    node.offsetHeight;
    node.querySelector("details").open = true;
    await new Promise((resolve) => requestAnimationFrame(() => setTimeout(resolve)));
    return { ms: performance.now() - began, nodes: node.querySelectorAll("*").length };
  });
  assert.ok(longest.nodes < 3000, `${longest.nodes} elements`);
  await button(page, "100 more of 20000").click();
  await page.getByText("199: ").waitFor();
});

test("the page weighs less than 60 KB, packed, beside the client and the document", async (t) => {
  const bodies = new Map();
  const noted = async (reply) => bodies.set(new URL(reply.url()).pathname, await reply.body());
  const noting = [];
  const prepare = (context) => context.on("response", (reply) => noting.push(noted(reply)));
  const page = await here.open(t, "/docs", { prepare });
  await heading(page, "VictoryVault");
  await page.waitForLoadState("networkidle");
  await Promise.all(noting);
  const weight = (path) => gzipSync(bodies.get(path)).length;
  const isBeside = (path) => path === "/client.js" || path === "/openrpc.json";
  for (const path of [...bodies.keys()].filter(isBeside)) {
    t.diagnostic(`${path}: ${weight(path)} bytes, ${bodies.get(path).length} unpacked`);
  }
  const parts = [...bodies.keys()].filter((path) => !isBeside(path));
  assert.ok(parts.includes("/static/docs/page.js") && parts.includes("/static/style.css"));
  const bytes = parts.reduce((sum, path) => sum + weight(path), 0);
  const unpacked = parts.reduce((sum, path) => sum + bodies.get(path).length, 0);
  t.diagnostic(`the page: ${bytes} bytes, ${unpacked} unpacked, in ${parts.length} files`);
  assert.ok(bytes < MAX_BYTES, `${bytes} bytes: ${parts.map((path) => `${path} ${weight(path)}`).join(", ")}`);
});

for (const [name, size] of [
  ["wide", WIDE],
  ["narrow", NARROW],
]) {
  for (const scheme of ["light", "dark"]) {
    test(`it can be read by everybody: ${name}, ${scheme}`, async (t) => {
      const page = await opened(here, t, "user.list", { size, scheme });
      await page.getByLabel("limit").fill("0");
      await button(page, "Call").click();
      await reply(page).getByText("invalid_params").waitFor();
      await assertAccessible(page);
      await assertFits(page);
      await screenshot(page, `docs-error-${name}-${scheme}`);
      for (const hash of ["", "user.changed", "user.update", "user.subscribe"]) {
        await page.evaluate((hash) => (location.hash = hash), hash);
        if (hash === "user.subscribe") {
          await page.getByLabel("where").fill('{"email": {"prefix": "a"}}');
          await button(page, "Subscribe").click();
          await page.getByRole("region", { name: "Rows" }).getByText("Ada Lovelace").waitFor();
        }
        await assertAccessible(page);
        await assertFits(page);
        await screenshot(page, `docs-${hash || "overview"}-${name}-${scheme}`);
      }
      assertNoFaults(page);
    });
  }
}
