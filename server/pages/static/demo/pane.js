// One screen: a Connection of its own, a live subscription, and the proof that nothing was lost.
import { Connection } from "/client.js";
import { Cable } from "./cable.js";
import { compare } from "./compare.js";
import { Editor } from "./editor.js";
import { Frames } from "./frames.js";
import { Mosaic } from "./mosaic.js";

export const WHERE = { "profile.score": { gte: 0 } };

/** How a screen stands: what it says, and in which tone. */
const STATES = {
  live: ["live", "good"],
  cut: ["cable cut", "bad"],
  frozen: ["frozen", "cold"],
  coming: ["coming back", "warn"],
  connecting: ["connecting", "warn"],
  closed: ["signed out", "bad"],
};

export class Pane {
  cable;
  connection;
  subscription;
  #element;
  #mosaic;
  #editor;
  /** What has happened since it was away, or since somebody began to count; `word` is how it ends. */
  #count;
  #hasBeenLive = false;

  /** `keep` is told a new token; `token` gives the one to sign in with. */
  constructor(element, name, { token, keep }) {
    this.#element = element;
    const [title, list] = [element.querySelector("h2"), element.querySelector("ol")];
    title.textContent = name;
    element.setAttribute("aria-label", name);
    list.setAttribute("aria-label", `Frames of ${name}`);
    const frames = new Frames(list);
    this.cable = new Cable((way, text) => frames.add(way, text));
    this.connection = new Connection(`${location.origin.replace("http", "ws")}/rpc`, {
      WebSocket: this.cable.WebSocket,
      token,
    });
    this.#editor = new Editor(element.querySelector(".editor"), name, this.connection);
    const mosaic = element.querySelector(".mosaic");
    mosaic.setAttribute("aria-label", `Scores on ${name}`);
    this.#mosaic = new Mosaic(mosaic, (id) => this.#editor.edit(this.subscription.rows.get(id)));
    this.connection.on("token", keep);
    this.subscription = this.connection.subscribe("user", { where: WHERE });
    this.connection.on("state", () => this.#stateChanged());
    this.subscription.onChange((changes) => this.#changed(changes));
    this.subscription.ready.then(() => this.#ready(), () => this.#show());
    this.#button("cut").addEventListener("click", () => (this.cable.isCut ? this.mend() : this.cut()));
    this.#button("freeze").addEventListener("click", () => (this.cable.isFrozen ? this.thaw() : this.freeze()));
  }

  cut() {
    this.#begin("Resumed");
    this.cable.cut();
    this.#say("", "Change 100 rows now, then plug it in again.");
    this.#show();
  }

  mend() {
    this.cable.mend();
    this.#show();
  }

  freeze() {
    this.#begin("Thawed");
    this.cable.freeze();
    this.#say("", "It reads nothing. Change 100 rows now, then thaw it.");
    this.#show();
  }

  thaw() {
    this.cable.thaw();
    this.#show();
    this.prove();
  }

  /** Counts from here on, until it is compared. Who is away counts already. */
  begin() {
    if (this.state === "live") this.#begin("Live");
  }

  /** Somebody else has changed so many rows. */
  written(count) {
    if (this.isReachable) this.prove();
    else this.#say("", `${count} rows have changed meanwhile. ${this.cable.isCut ? "Plug it in again" : "Thaw it"}.`);
  }

  /** Resolves with `{changes, lost}` once what is counted now was compared. */
  get proof() {
    return this.#count?.proof;
  }

  get isReachable() {
    return !this.cable.isCut && !this.cable.isFrozen;
  }

  #ready() {
    this.#say("", `${this.subscription.rows.size} rows are here, and live.`);
    this.#show();
  }

  get state() {
    if (this.cable.isCut) return "cut";
    if (this.cable.isFrozen) return "frozen";
    if (this.connection.state === "closed") return "closed";
    if (!this.#hasBeenLive) return "connecting";
    return this.connection.state === "open" ? "live" : "coming";
  }

  #begin(word) {
    this.#count ??= { changes: 0, isAnew: false, ...proving() };
    this.#count.word = word;
  }

  #stateChanged() {
    if (this.connection.state === "open") this.prove();
    else if (this.#hasBeenLive) this.#begin("Resumed");
    this.#show();
  }

  #changed(changes) {
    this.#mosaic.update(this.subscription.rows, changes);
    this.#editor.refresh(this.subscription.rows.get(this.#mosaic.selected));
    this.#hasBeenLive = true;
    if (!this.#count) return;
    if (changes[0].op === "reset") this.#count.isAnew = true;
    else this.#count.changes += changes.length;
  }

  /** Once it is live again: has it every row, as a fresh list has it? */
  async prove() {
    const count = this.#count;
    if (!count || this.state !== "live") return;
    const attempt = (count.attempt = {});
    try {
      while (!this.subscription.isLive) await this.cable.nextFrame();
      const { compared, lost } = await compare(this.connection, WHERE, this.subscription.rows);
      if (attempt !== count.attempt || this.state !== "live") return;
      this.#count = undefined;
      const came = count.isAnew ? "all rows anew" : `${count.changes} ${count.changes === 1 ? "change" : "changes"}`;
      this.#say(`${count.word}: ${came}, ${lost} lost`, `${compared} rows compared with a fresh list`, lost ? "bad" : "good");
      count.resolve({ changes: count.changes, lost });
    } catch (error) {
      // The line went away meanwhile: it is done when the line is back.
      if (this.state === "live") this.#say("", error.message, "bad");
    }
  }

  #say(strong, soft, tone = "") {
    const proof = this.#element.querySelector(".proof");
    proof.dataset.tone = tone;
    proof.querySelector("strong").textContent = strong;
    proof.querySelector("span").textContent = soft;
  }

  #show() {
    const { state } = this;
    const [words, tone] = STATES[state];
    const pill = this.#element.querySelector(".pill");
    if (pill.textContent !== words) pill.textContent = words;
    pill.dataset.tone = tone;
    this.#element.dataset.state = state;
    this.#toggle("cut", this.cable.isCut, "Plug it in", "Cut the cable");
    this.#toggle("freeze", this.cable.isFrozen, "Thaw", "Freeze");
    if (state === "closed") this.#say("", `${this.connection.reason.message} Reload the page to sign in.`, "bad");
    else if (this.subscription.error) this.#say("", this.subscription.error.message, "bad");
  }

  #button(action) {
    return this.#element.querySelector(`[data-action=${action}]`);
  }

  #toggle(action, isOn, on, off) {
    const button = this.#button(action);
    button.setAttribute("aria-pressed", String(isOn));
    button.textContent = isOn ? on : off;
  }
}

function proving() {
  let resolve;
  const proof = new Promise((done) => (resolve = done));
  return { proof, resolve };
}
