// The question for the token.

import { el } from "./dom.js";

// showSignIn asks for a token in root. why says why; done gets the token.
export function showSignIn(root, why, done) {
  const field = el("input", {
    type: "password", id: "token", name: "token", autocomplete: "current-password", required: true, spellcheck: "false",
  });
  const submit = (event) => {
    event.preventDefault();
    if (field.value.trim()) {
      done(field.value.trim());
    }
  };
  root.replaceChildren(el("section", { class: "signin panel" },
    el("h1", {}, "Sign in"),
    el("p", {}, "The daemon's token is needed. ", el("kbd", {}, "reactord token"), " prints it on the daemon's machine."),
    el("form", { onsubmit: submit },
      el("label", { for: "token" }, "Token"), field, el("button", {}, "Sign in")),
    el("p", { class: "quiet" }, "This tab keeps it until you close it."),
    el("p", { class: "fault", role: "alert" }, why)));
  field.focus();
}
