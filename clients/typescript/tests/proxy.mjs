// A TCP line that breaks on demand, between a client and a server.
import { connect, createServer } from "node:net";

export class Proxy {
  #server;
  #pairs = new Set();
  #isDown = false;
  /** Bytes to the client until the line is cut. */
  #left = Infinity;

  static async to(url) {
    const proxy = new Proxy();
    const { hostname, port } = new URL(url);
    proxy.#server = createServer((near) => proxy.#join(near, hostname, port));
    await new Promise((resolve) => proxy.#server.listen(0, "127.0.0.1", resolve));
    proxy.url = `ws://127.0.0.1:${proxy.#server.address().port}/rpc`;
    return proxy;
  }

  #join(near, host, port) {
    near.on("error", () => {});
    if (this.#isDown) return near.resetAndDestroy();
    const far = connect(port, host);
    const pair = { near, far };
    this.#pairs.add(pair);
    far.on("error", () => {});
    near.on("data", (data) => far.write(data));
    far.on("data", (data) => (pair.kept ? pair.kept.push(data) : this.#send(near, data)));
    near.on("close", () => (this.#pairs.delete(pair), far.destroy()));
    far.on("close", () => pair.kept || near.destroy());
  }

  #send(near, data) {
    near.write(data.subarray(0, this.#left));
    this.#left -= data.length;
    if (this.#left <= 0) this.cut();
  }

  /** Both ends see it at once. */
  cut() {
    this.#left = Infinity;
    for (const { near, far } of this.#pairs) {
      near.destroy();
      far.destroy();
    }
  }

  /** In the middle of a frame, most likely. */
  cutAfter(bytes) {
    this.#left = bytes;
  }

  /** The client hears nothing any more, on the sockets of now; the server gets all. */
  stall() {
    for (const pair of this.#pairs) pair.kept ??= [];
  }

  /** It hears all that after all, late. Returns how many bytes. */
  release() {
    let bytes = 0;
    for (const pair of this.#pairs) {
      const data = Buffer.concat(pair.kept ?? []);
      pair.kept = undefined;
      bytes += data.length;
      pair.near.write(data);
      if (pair.far.destroyed) pair.near.end();
    }
    return bytes;
  }

  /** The server's end is gone; the client's is not told. */
  halfOpen() {
    this.stall();
    for (const { far } of this.#pairs) far.destroy();
  }

  down() {
    this.#isDown = true;
    this.cut();
  }

  up() {
    this.#isDown = false;
  }

  close() {
    this.cut();
    this.#server.close();
  }
}
