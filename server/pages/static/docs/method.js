import * as about from "./about.js";
import { CallForm } from "./call_form.js";
import { Code } from "./code.js";
import { button, copier, element } from "./element.js";
import { Live } from "./live.js";
import { Reply, repeatButton } from "./reply.js";
import { isSecret } from "./schema.js";

/** A method to read about and to call. `page` has the api, the line, and what signs in. */
export class MethodPage {
  constructor(page, method) {
    Object.assign(this, { page, method });
    this.form = new CallForm(
      page,
      method,
      () => void this.call(),
      () => this.#changed(),
    );
    this.code = new Code(method, () => this.form.read(), page.where);
    this.reply = new Reply(method.examples[0]?.result);
    this.live = method.subscribes && new Live(page.line, method.subscribes);
    const { live, reply } = this;
    this.node = element(
      "article",
      {},
      about.heading(
        method,
        copier(() => this.#link(), "Copy link"),
      ),
      element("div.columns", {}, this.form.node, element("div", {}, !live && reply.node, this.code.node)),
      live && [live.node, reply.node],
      element("div.columns", {}, about.result(page.api, method), about.errors(method)),
    );
    reply.node.hidden = Boolean(live);
    this.write(method.examples[0]?.params ?? {});
    page.line.addEventListener("who", () => this.#changed());
  }

  write(params) {
    this.form.write(params);
  }

  async call() {
    const params = this.form.read(true);
    if (!params || this.calling) return;
    this.form.params.clear();
    if (this.live) return void this.#subscribe(params);
    this.calling = new AbortController();
    this.reply.wait(() => this.calling.abort());
    this.reply.node.scrollIntoView({ block: "nearest" });
    const reply = await this.page.line.call(this.method.name, params, this.calling.signal);
    this.calling = undefined;
    this.#show(reply);
  }

  async #subscribe({ after, ...query }) {
    const { live, reply } = this;
    reply.node.hidden = true;
    live.node.hidden = false;
    live.node.scrollIntoView({ block: "nearest" });
    const { error } = await live.begin(query, after && { position: after, rows: [] });
    if (!error || error.kind === "cancelled") return;
    live.node.hidden = true;
    reply.node.hidden = false;
    this.#show({ error });
  }

  #show(reply) {
    const { error } = reply;
    this.reply.show(reply, error && this.#actions(error));
    if (error?.data.path) this.form.params.mark(error.data.path, error.message);
  }

  /** Buttons that do what is to be done about it. */
  #actions({ code, kind, data }) {
    if (code === 401) return [button("Sign in", () => this.page.signIn.open())];
    if (kind === "version_conflict" && data.user) {
      const { version } = data.user;
      return [button(`Take version ${version}`, () => this.write({ ...this.form.read(), version }))];
    }
    return data.retry_after_ms ? [repeatButton(data.retry_after_ms, () => void this.call())] : [];
  }

  /** To this method with these params, but for what is secret. */
  #link() {
    const { name } = this.method;
    const open = Object.entries(this.form.read() ?? {}).filter(([param]) => !isSecret(param, {}, name));
    const carried = open.length ? `?${encodeURIComponent(JSON.stringify(Object.fromEntries(open)))}` : "";
    return `${location.origin}${location.pathname}#${name}${carried}`;
  }

  #changed() {
    this.form?.show();
    this.code?.show();
  }
}
