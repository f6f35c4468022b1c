// README's first lines, as a newcomer types them into the page's console.
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { assertNoFaults, ground } from "./ground.mjs";
import { connect } from "./peer.mjs";

const README = readFileSync(new URL("../../README.md", import.meta.url), "utf8");
const [, LINES] = README.match(/```js\n(.*?)```/s);
const here = ground();

test("README's lines print the rows, and each change that somebody else makes", async (t) => {
  const page = await here.open(t, "/");
  const said = [];
  let heard = () => {};
  page.on("console", async (message) => {
    said.push(await message.args()[0].jsonValue());
    heard();
  });
  const next = async (count) => {
    while (said.length < count) await new Promise((resolve) => (heard = resolve));
  };
  page.evaluate(`(async () => { ${LINES} })()`).catch(() => {}); // it ends with the page
  await next(1);
  const names = said[0].map((row) => row.full_name);
  assert.ok(names.length > 0 && names.every((name) => name.startsWith("A")), names.join());
  const peer = await connect(t, here.server.url);
  await peer.call("user.update", { id: said[0][0].id, set: { status: "seen" } });
  await next(2);
  assert.deepEqual([said[1].op, said[1].id, said[1].set.status], ["change", said[0][0].id, "seen"]);
  assertNoFaults(page);
});
