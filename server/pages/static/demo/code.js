// Code to copy: an action and a language are chosen; the action follows what is done on the page.
import { ACTIONS, LANGUAGES, samples } from "./samples.js";

const find = (selector) => document.querySelector(selector);
const SAID_MS = 1500;

/** Returns what chooses an action by its name; one that has no sample is left alone. */
export function showSamples() {
  const http = `${location.origin}/rpc`;
  const all = samples({ http, ws: http.replace("http", "ws") });
  const chosen = { action: "follow", language: "typescript" };
  const show = () => (find("#sample").textContent = all[chosen.action][chosen.language]);
  offer(find("#samples"), "action", ACTIONS, chosen, show);
  offer(find("#languages"), "language", LANGUAGES, chosen, show);
  find("#copy").addEventListener("click", copy);
  show();
  return (action) => {
    if (!(action in ACTIONS)) return;
    chosen.action = action;
    find(`#samples input[value=${action}]`).checked = true;
    show();
  };
}

function offer(fieldset, name, choices, chosen, changed) {
  for (const [value, words] of Object.entries(choices)) {
    const label = document.createElement("label");
    const input = document.createElement("input");
    Object.assign(input, { type: "radio", name, value, checked: value === chosen[name] });
    label.append(input, words);
    fieldset.append(label);
  }
  fieldset.addEventListener("change", ({ target }) => {
    chosen[name] = target.value;
    changed();
  });
}

async function copy({ target }) {
  const code = find("#sample");
  try {
    await navigator.clipboard.writeText(code.textContent);
    target.textContent = "Copied";
  } catch {
    getSelection().selectAllChildren(code); // no clipboard for this page: Ctrl-C, then
    target.textContent = "Selected";
  }
  setTimeout(() => (target.textContent = "Copy"), SAID_MS);
}
