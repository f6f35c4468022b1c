/** Examples name ids, tokens and positions that no server has. What it says instead is put in their place. */
export class Story {
  #known = new Map();

  constructor(methods, send) {
    this.examples = new Map(methods.map(({ name, examples }) => [name, examples[0].result.value]));
    this.send = send;
  }

  call = async (_url, method, params) => {
    const { token } = this.examples.get("user.create");
    const reply = await this.send(method, this.#real(params), this.#known.get(token));
    if (reply.result) this.#learn(this.examples.get(method), reply.result);
    if (method === "session.delete") this.#known.delete(token);
    return reply;
  };

  #real(value) {
    if (typeof value === "string") return this.#known.get(value) ?? value;
    if (Array.isArray(value)) return value.map((each) => this.#real(each));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, each]) => [key, this.#real(each)]));
  }

  #learn(example, said) {
    if (typeof example === "string" && typeof said === "string") this.#known.set(example, said);
    if (example === null || said === null || typeof example !== "object" || typeof said !== "object") return;
    for (const key of Object.keys(example)) this.#learn(example[key], said[key]);
  }
}
