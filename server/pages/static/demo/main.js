// The page: two screens, the buttons that harm them, and code to copy.
import { showSamples } from "./code.js";
import { Pane } from "./pane.js";
import { keepToken, keptToken, post, signUp, tokenOf } from "./signing.js";

const find = (selector) => document.querySelector(selector);
const story = find("#story");
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const BREATH_MS = 1200; // so that one sees what has happened

const NAMES = ["Screen A", "Screen B"];
const chooseSample = showSamples();
const { account } = await (await fetch("/dev/account")).json();
if (account) begin(async () => (await post("session.create", account)).token);
else offerSignUp();

/** Makes the two screens; `signIn` gives a token, if it can. */
function begin(signIn) {
  const panes = NAMES.map((name) => {
    const element = find("#pane").content.firstElementChild.cloneNode(true);
    find("#panes").append(element);
    return new Pane(element, name, {
      token: tokenOf(name, signIn),
      keep: (token) => keepToken(name, token),
    });
  });
  if (matchMedia("(width < 760px)").matches) for (const each of document.querySelectorAll(".frames")) each.open = false;
  onClick("#show", () => show(panes));
  onClick("#change", () => change(panes));
  onClick("#restart", () => restart(panes));
  for (const event of ["click", "input"]) {
    document.addEventListener(event, ({ target }) => chooseSample(target.closest("[data-action]")?.dataset.action));
  }
}

/** One at a time; the button keeps its focus meanwhile. */
function onClick(selector, act) {
  const button = find(selector);
  button.addEventListener("click", async () => {
    if (button.ariaBusy === "true") return;
    button.ariaBusy = "true";
    try {
      await act();
    } catch (error) {
      tell(error.message);
    } finally {
      button.ariaBusy = null;
    }
  });
}

const tell = (sentence) => (story.textContent = sentence);

async function order(path) {
  const reply = await fetch(path, { method: "POST" });
  const said = await reply.json();
  if (!reply.ok) throw new Error(said.error.message);
  return said;
}

async function change(panes) {
  for (const pane of panes) pane.begin();
  const { changed } = await order("/dev/scores");
  tell(`Another connection changed ${changed} rows by one UPDATE.`);
  for (const pane of panes) pane.written(changed);
}

async function restart(panes) {
  for (const pane of panes) pane.begin();
  await order("/dev/restart");
  const meanwhile = account ? "100 rows change while there is none; " : "";
  tell(`The worker stops; ${meanwhile}another one starts.`);
}

async function show(panes) {
  const [first] = panes;
  if (first.cable.isFrozen) first.thaw();
  if (!first.cable.isCut) first.cut();
  const { proof } = first;
  tell("1. The cable of Screen A is cut.");
  await pause(BREATH_MS);
  await change(panes);
  tell("2. Somebody else changed 100 rows by SQL. Screen B followed; Screen A could not.");
  await pause(BREATH_MS);
  first.mend();
  const { changes, lost } = await proof;
  tell(`3. Plugged in again, Screen A got what it had missed, and nothing else: ${changes} changes, ${lost} lost.`);
}

/** On a database of one's own there is no demo user: whoever is at the page makes one. */
function offerSignUp() {
  const isSignedIn = NAMES.every(keptToken);
  for (const button of document.querySelectorAll("#show, #change")) button.disabled = true;
  find("#restart").disabled = !isSignedIn;
  if (isSignedIn) return begin(async () => undefined);
  const own = find("#own");
  const form = own.querySelector("form");
  own.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      const token = await signUp(Object.fromEntries(new FormData(form)));
      for (const name of NAMES) keepToken(name, token);
    } catch (error) {
      own.querySelector(".refusal").textContent = error.message;
      return;
    }
    own.hidden = true;
    find("#restart").disabled = false;
    begin(async () => undefined);
  });
}
