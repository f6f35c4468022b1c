import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { createElement, StrictMode } from "react";
import { act, create } from "react-test-renderer";
import { useCall, useConnection, useSubscription } from "@victoryvault/client/react";
import { makeUsers, signedIn } from "./common.mjs";

globalThis.IS_REACT_ACT_ENVIRONMENT = true;

test("a component shows rows, saves one, and sees it change", async (t) => {
  t.mock.method(console, "error", () => {}); // react-test-renderer says that it is deprecated
  const connection = await signedIn(t);
  const tag = `R${randomUUID().slice(0, 8)}`;
  const [user] = await makeUsers(connection, tag, 2);
  let save;

  function List() {
    const state = useConnection(connection);
    const { rows, isReady } = useSubscription(connection, "user", { where: { full_name: { prefix: tag } } });
    const [update, { isPending, error }] = useCall(connection, "user.update");
    save = update;
    const shown = rows.map((row) => `${row.full_name}:${row.status}`).sort();
    return [state, isReady, isPending, error?.kind ?? "fine", ...shown].join(" ");
  }

  let view;
  const pause = () => act(() => new Promise((resolve) => setTimeout(resolve, 10)));
  async function shows(text) {
    for (let tries = 0; tries < 500 && view.toJSON() !== text; tries++) await pause();
    assert.equal(view.toJSON(), text);
  }
  await act(() => (view = create(createElement(StrictMode, null, createElement(List)))));
  await shows(`open true false fine ${tag} 0: ${tag} 1:`);
  await act(() => save({ id: user.id, set: { status: "here" } }));
  await shows(`open true false fine ${tag} 0:here ${tag} 1:`);
  await act(() => save({ id: "nonsense", set: {} }));
  await shows(`open true false invalid_params ${tag} 0:here ${tag} 1:`);

  assert.equal((await connection.call("subscription.list")).subscriptions.length, 1);
  await act(() => view.unmount());
  assert.equal((await connection.call("subscription.list")).subscriptions.length, 0);
});
