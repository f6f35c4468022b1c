const NOTIFICATIONS = "notifications";

/** An OpenRPC 1.4 document, its references resolved as they are met: a schema may contain itself. */
export class Api {
  constructor(body) {
    this.body = body;
    const all = (body.methods ?? []).map((each) => this.method(this.resolve(each)));
    this.entries = new Map(all.map((each) => [each.name, each]));
    for (const each of all) each.subscribes = this.subscribed(each);
    this.errors = Object.values(body.components?.errors ?? {}).flatMap((each) => this.kinds(each));
  }

  /** What `$ref` points to, with what stands beside it; a boolean schema as an object. */
  resolve(node) {
    const seen = new Set();
    while (typeof node?.$ref === "string" && !seen.has(node.$ref)) {
      const { $ref, ...beside } = node;
      seen.add($ref);
      node = { ...this.at($ref), ...beside };
    }
    return node === false ? { not: {} } : node === true || !node ? {} : node;
  }

  /** A JSON pointer into this document. */
  at(reference) {
    const steps = decodeURIComponent(reference.replace(/^#\/?/, "")).split("/").filter(Boolean);
    return steps.reduce((node, step) => node?.[step.replaceAll("~1", "/").replaceAll("~0", "~")], this.body);
  }

  method(method) {
    const list = (nodes) => (nodes ?? []).map((each) => this.resolve(each));
    const isNotification = method["x-notification"] ?? !method.result;
    return {
      ...method,
      isNotification,
      group: isNotification ? NOTIFICATIONS : (list(method.tags)[0]?.name ?? method.name.split(".")[0]),
      access: method["x-access"] ?? (method.name.endsWith(".changed") ? "user" : "anyone"),
      params: list(method.params),
      result: method.result && this.resolve(method.result),
      errors: list(method.errors).flatMap((each) => this.kinds(each)),
      examples: list(method.examples).map((each) => this.example(each)),
    };
  }

  /** The resource that a method subscribes to, or that a notification tells of. */
  subscribed({ name, isNotification }) {
    const [resource, word] = name.split(".");
    const is = isNotification ? word === "changed" && this.entries.has(`${resource}.subscribe`) : word === "subscribe";
    return is ? resource : undefined;
  }

  /** One error for each kind: of those that share a code OpenRPC takes only one, which names them all. */
  kinds(node) {
    const error = this.resolve(node);
    const kinds = [error.data?.kind ?? `${error.code}`].flat();
    if (kinds.length === 1) return [{ ...error, kind: kinds[0] }];
    return kinds.map((kind) => ({ ...error, ...this.body.components?.errors?.[kind], kind }));
  }

  example({ name, summary, description, params, result }) {
    const named = (params ?? []).map((each) => this.resolve(each));
    return {
      name: summary ?? description ?? name,
      params: Object.fromEntries(named.map(({ name, value }) => [name, value])),
      result: result && this.resolve(result).value,
    };
  }

  /** Entries by group, the notifications last. */
  get groups() {
    const groups = new Map();
    for (const each of this.entries.values()) groups.set(each.group, [...(groups.get(each.group) ?? []), each]);
    const last = (name) => (name === NOTIFICATIONS ? 1 : 0);
    return [...groups].sort(([a], [b]) => last(a) - last(b));
  }
}
