import { button, element } from "./element.js";
import { problem } from "./problem.js";

/** Who is signed in, and the dialog to become somebody. */
export class SignIn {
  constructor(line, demo) {
    this.line = line;
    this.demo = demo;
    this.node = element("div.who");
    const input = (name, type, autocomplete) =>
      element("input", { name, type, autocomplete, required: true, id: `sign-in-${name}` });
    const label = (name, text) => element("label", { for: `sign-in-${name}` }, text);
    this.email = input("email", "email", "username");
    this.password = input("password", "password", "current-password");
    this.said = element("div", { role: "alert" });
    const form = element(
      "form",
      { onsubmit: (event) => this.#submit(event) },
      element("h2", { id: "sign-in-title" }, "Sign in"),
      label("email", "Email"),
      this.email,
      label("password", "Password"),
      this.password,
      this.said,
      element(
        "p.actions",
        {},
        element("button.primary", {}, "Sign in"),
        button("Cancel", () => this.dialog.close()),
      ),
      demo && button("Sign in as the demo user", () => this.#as(demo)),
      demo && element("p.about", {}, "The demo user is an admin, on development servers only."),
      element(
        "p.about",
        {},
        "The token stays in this tab (sessionStorage) and is gone when the tab closes; the password is not kept. No account yet? Call ",
        element("a", { href: "#user.create", onclick: () => this.dialog.close() }, "user.create"),
        ".",
      ),
    );
    this.dialog = element("dialog", { "aria-labelledby": "sign-in-title" }, form);
    line.addEventListener("who", ({ detail }) => this.#show(detail));
    this.#show();
  }

  open() {
    this.said.replaceChildren();
    this.dialog.showModal();
  }

  #show(said) {
    const { who } = this.line;
    if (!who) {
      const reason = element("span", { role: "status" }, said ?? "");
      return this.node.replaceChildren(
        reason,
        button("Sign in", () => this.open()),
      );
    }
    const name = who.full_name || who.email || who.id;
    const shown = element("span", { title: who.id }, name, who.role && element("span.tag", {}, who.role));
    this.node.replaceChildren(
      shown,
      button("Sign out", () => void this.line.signOut()),
    );
  }

  #as({ email, password }) {
    this.email.value = email;
    this.password.value = password;
    void this.#create();
  }

  #submit(event) {
    event.preventDefault();
    void this.#create();
  }

  async #create() {
    const { error } = await this.line.call("session.create", {
      email: this.email.value,
      password: this.password.value,
    });
    this.said.replaceChildren(error ? problem(error) : "");
    if (error) return this.password.focus();
    this.password.value = "";
    this.dialog.close();
  }
}
