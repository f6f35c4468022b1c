// The line between a screen and the server: real WebSockets, with a cable that can be cut, and a
// reader that can freeze. The client above it does not know of either.

const LOST = 1006; // no close frame came

export class Cable {
  isCut = false;
  isFrozen = false;
  #lines = new Set();
  #unread = [];
  #wake = [];
  #onFrame;

  /** `onFrame` is told of each frame: "sent" or "received", and its text. */
  constructor(onFrame) {
    this.#onFrame = onFrame;
    const cable = this;
    /** What the client makes instead of a WebSocket. */
    this.WebSocket = class extends Line {
      constructor(url, protocols) {
        super(cable, url, protocols);
        cable.#lines.add(this);
        if (!cable.isCut) this.connect();
      }
    };
  }

  cut() {
    this.isCut = true;
    for (const line of [...this.#lines]) line.lose();
  }

  mend() {
    this.isCut = false;
    for (const line of this.#lines) line.connect();
    dispatchEvent(new Event("online")); // as browsers do: who waits for the next attempt need not
  }

  freeze() {
    this.isFrozen = true;
  }

  thaw() {
    this.isFrozen = false;
    for (const [line, text] of this.#unread.splice(0)) this.#deliver(line, text);
  }

  /** Resolves when the client has taken the next frame. */
  nextFrame() {
    return new Promise((resolve) => this.#wake.push(resolve));
  }

  sent(text) {
    this.#onFrame("sent", text);
  }

  arrived(line, text) {
    if (this.isFrozen) this.#unread.push([line, text]);
    else this.#deliver(line, text);
  }

  ended(line) {
    this.#lines.delete(line);
  }

  #deliver(line, text) {
    this.#onFrame("received", text);
    line.onmessage?.({ data: text });
    for (const resolve of this.#wake.splice(0)) resolve();
  }
}

/** While the cable is cut it hears nothing, as on a real one; whoever waits gives it up. */
class Line {
  onopen = null;
  onmessage = null;
  onclose = null;
  onerror = null;
  #cable;
  #address;
  #socket;

  constructor(cable, ...address) {
    this.#cable = cable;
    this.#address = address;
  }

  connect() {
    this.#socket = new WebSocket(...this.#address);
    this.#socket.onopen = (event) => this.onopen?.(event);
    this.#socket.onmessage = ({ data }) => this.#cable.arrived(this, data);
    this.#socket.onclose = ({ code, reason }) => this.#end(code, reason);
  }

  send(text) {
    if (this.#socket?.readyState !== WebSocket.OPEN) return;
    this.#cable.sent(text);
    this.#socket.send(text);
  }

  close(code) {
    this.#cable.ended(this);
    this.#socket?.close(code);
  }

  /** The socket goes, and nobody here asked for it. */
  lose() {
    if (this.#socket) this.#socket.onopen = this.#socket.onmessage = this.#socket.onclose = null;
    this.#socket?.close();
    this.#end(LOST, "The cable was cut.");
  }

  #end(code, reason) {
    this.#cable.ended(this);
    this.onclose?.({ code, reason });
  }
}
