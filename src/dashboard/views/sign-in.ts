import { fill, h } from "../dom.ts";
import { signIn } from "../session.ts";

/** Asks for a key. `reason` says why again; `done` goes on once there is one. */
export function showSignIn(app: Element, reason: string | null, done: () => void): void {
  const key = h("input", { type: "password", name: "key", autocomplete: "current-password", required: true });
  const tenant = h("input", {
    type: "text",
    name: "tenant",
    value: "default",
    autocomplete: "off",
    spellcheck: "false",
  });
  const submit = () => {
    signIn({ key: key.value.trim(), tenant: tenant.value.trim() });
    done();
  };
  fill(
    app,
    h(
      "form",
      { class: "card sign-in", onSubmit: submit },
      h("h1", {}, "Sluice"),
      reason === null ? null : h("p", { class: "notice" }, reason),
      h("label", {}, "Key", key),
      h("label", {}, "Tenant", tenant),
      h("button", { type: "submit", class: "primary" }, "Sign in"),
      h("p", { class: "faint" }, "npm start prints a link that signs you in. The key stays in this tab."),
    ),
  );
  key.focus();
}
