// The question before a workload is cancelled.

import { el } from "./dom.js";
import { printable } from "./format.js";

// askCancel asks, and cancels the workload if that is wanted. done gets the error, or null.
export function askCancel(client, connection, workload, done) {
  const cancel = async () => {
    try {
      const answer = await client.call("WorkloadService/CancelWorkloads", { ids: [workload.id] });
      done(answer.results?.[0]?.error ?? null);
    } catch (error) {
      connection.failed(error);
      done(error);
    }
  };
  const dialog = el("dialog", { "aria-labelledby": "cancel-title", onclose: () => {
    dialog.remove();
    if (dialog.returnValue === "cancel") {
      cancel();
    }
  } },
    el("h2", { id: "cancel-title" }, "Cancel this workload?"),
    el("p", {}, el("span", { class: "mono" }, printable(workload.id)), " ", el("span", { class: "text" }, printable(workload.spec?.name ?? ""))),
    el("p", {}, "The guest is ended where it is. What it has written is kept."),
    el("form", { method: "dialog" },
      el("button", { value: "keep", autofocus: true }, "Let it go on"),
      el("button", { value: "cancel", class: "danger" }, "Cancel it")));
  document.body.append(dialog);
  dialog.showModal();
}
