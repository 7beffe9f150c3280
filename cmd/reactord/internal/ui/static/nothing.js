// What is shown where nothing is.

import { el } from "./dom.js";
import { printable } from "./format.js";

// showNothing says that there is nothing at an address of the page.
export const showNothing = (root, { parameter: path }) => showMissing(root, "There is nothing at this address", `#${path}`);

// showMissing says that something is missing, and leads to what is there.
export function showMissing(root, title, what) {
  root.replaceChildren(el("h1", {}, title),
    el("p", { class: "mono fault", role: "alert" }, printable(what)),
    el("p", {}, "See ", el("a", { href: "#/workloads" }, "the workloads"), ", or ", el("a", { href: "#/node" }, "the node"), "."));
}
