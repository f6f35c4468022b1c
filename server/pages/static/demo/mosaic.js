// A tile for each row, in the order of ids, coloured by its score. One tile is selected; arrow keys move on.

const COLUMNS = 10;
const MOST = 999;
const STEPS = { ArrowLeft: -1, ArrowRight: 1, ArrowUp: -COLUMNS, ArrowDown: COLUMNS };
const FLASH = [{ filter: "brightness(1.25)", transform: "scale(1.12)" }, {}];

export const scoreOf = (row) => Number(row.profile.score);

export class Mosaic {
  #element;
  #tiles = new Map();
  #onSelect;
  #isStill = matchMedia("(prefers-reduced-motion: reduce)");
  selected;

  /** `onSelect` is told the id of the row that was chosen. */
  constructor(element, onSelect) {
    this.#element = element;
    this.#onSelect = onSelect;
    element.addEventListener("click", ({ target }) => this.#choose(target.closest("button")));
    element.addEventListener("keydown", (event) => this.#move(event));
  }

  /** All rows anew. */
  reset(rows) {
    const ids = [...rows.keys()].sort();
    for (const [id, tile] of this.#tiles) if (!rows.has(id)) this.#remove(id, tile);
    for (const id of ids) this.#draw(rows.get(id));
    this.#element.replaceChildren(...ids.map((id) => this.#tiles.get(id)));
    this.#select(this.#tiles.has(this.selected) ? this.selected : ids[0]);
  }

  /** Those that changed. */
  update(rows, changes) {
    if (changes.some(({ op, id }) => op === "reset" || rows.has(id) !== this.#tiles.has(id))) this.reset(rows);
    for (const { op, id } of changes) {
      if (op !== "change" || !rows.has(id)) continue;
      this.#draw(rows.get(id));
      if (!this.#isStill.matches) this.#tiles.get(id).animate(FLASH, { duration: 500, easing: "ease-out" });
    }
  }

  #draw(row) {
    let tile = this.#tiles.get(row.id);
    if (!tile) {
      tile = document.createElement("button");
      tile.type = "button";
      tile.dataset.id = row.id;
      tile.tabIndex = -1;
      this.#tiles.set(row.id, tile);
    }
    const score = scoreOf(row);
    tile.textContent = score;
    tile.title = row.full_name;
    tile.setAttribute("aria-label", `${row.full_name}, ${score}`);
    tile.style.setProperty("--part", score / MOST);
  }

  #remove(id, tile) {
    tile.remove();
    this.#tiles.delete(id);
  }

  #choose(tile) {
    if (tile) this.#select(tile.dataset.id);
  }

  #select(id) {
    const [before, tile] = [this.#tiles.get(this.selected), this.#tiles.get(id)];
    before?.setAttribute("aria-pressed", "false");
    if (before) before.tabIndex = -1;
    this.selected = id;
    tile?.setAttribute("aria-pressed", "true");
    if (tile) tile.tabIndex = 0;
    this.#onSelect(id);
  }

  #move(event) {
    const tiles = [...this.#element.children];
    const to = tiles.indexOf(event.target) + (STEPS[event.key] ?? NaN);
    if (!tiles[to]) return;
    event.preventDefault();
    this.#choose(tiles[to]);
    tiles[to].focus();
  }
}
