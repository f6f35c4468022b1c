// The slider under a mosaic: writes the score of the row that is selected.
import { scoreOf } from "./mosaic.js";

export class Editor {
  #connection;
  #label;
  #slider;
  #output;
  #row;
  #isWriting = false;

  constructor(form, name, connection) {
    this.#connection = connection;
    [this.#label, this.#slider, this.#output] = form.children;
    this.#slider.id = `score-${name.replaceAll(" ", "-")}`;
    this.#label.htmlFor = this.#slider.id;
    this.#slider.addEventListener("input", () => this.#write());
    form.addEventListener("submit", (event) => event.preventDefault());
  }

  /** From now on this row. */
  edit(row) {
    this.#row = row;
    this.#slider.disabled = !row;
    this.#label.textContent = row?.full_name ?? "";
    if (row) this.#show(scoreOf(row));
  }

  /** The row has changed, perhaps. */
  refresh(row) {
    if (row?.id !== this.#row?.id) return;
    this.#row = row;
    if (row && !this.#isWriting) this.#show(scoreOf(row));
  }

  #show(score) {
    this.#slider.value = score;
    this.#output.textContent = score;
  }

  /** One write at a time, and always the newest: the line sets the pace. */
  async #write() {
    this.#output.textContent = this.#slider.value;
    if (this.#isWriting) return;
    this.#isWriting = true;
    const { id, profile } = this.#row;
    try {
      let written;
      while (id === this.#row?.id && written !== this.#slider.value) {
        written = this.#slider.value;
        await this.#connection.call("user.update", { id, set: { profile: { ...profile, score: Number(written) } } });
      }
      this.#slider.setCustomValidity("");
    } catch (error) {
      this.#slider.setCustomValidity(error.message);
      this.#slider.reportValidity();
    } finally {
      this.#isWriting = false;
    }
  }
}
