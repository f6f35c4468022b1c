// The frames of one screen as they went over its socket, the newest first.

const MOST = 50;
const SHOWN = 4000;
const CONSTANT = '"jsonrpc":"2.0",'; // in each of them, and too long for the little room
const ARROWS = { sent: "↑", received: "↓" };

export class Frames {
  #list;

  constructor(list) {
    this.#list = list;
  }

  add(way, text) {
    const item = document.createElement("li");
    const details = document.createElement("details");
    const summary = document.createElement("summary");
    const arrow = document.createElement("b");
    item.className = way;
    arrow.textContent = ARROWS[way];
    arrow.title = way;
    const safe = text.replace(/"(token|password)":"[^"]*"/g, '"$1":"…"');
    summary.append(arrow, safe.replace(CONSTANT, "").slice(0, 240));
    details.append(summary);
    details.addEventListener("toggle", () => details.append(whole(safe)), { once: true });
    item.append(details);
    this.#list.prepend(item);
    if (this.#list.children.length > MOST) this.#list.lastChild.remove();
  }
}

function whole(text) {
  const code = document.createElement("code");
  const left = text.length - SHOWN;
  code.textContent = left > 0 ? `${text.slice(0, SHOWN)} … and ${left} characters more` : text;
  return code;
}
