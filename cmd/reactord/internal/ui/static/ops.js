// What a workload waits for.

import { ended, number, printable, span, state, words } from "./format.js";
import { el, pairs } from "./dom.js";
import { grantOfOp } from "./grants.js";

const shown = 50, shownGroups = 20;

// createOps makes a panel of the pending operations of a workload.
export function createOps({ client, sampler, signal, parameter: id }) {
  const element = el("section", { class: "panel" }, el("h2", {}, "Waits for"));
  let known = []; // operations that were read last

  return {
    element,

    // read reads the operations of a workload and shows them.
    async read(workload) {
      known = [];
      if (!ended(workload)) {
        const answer = await client.call("WorkloadService/ListOps", { workloadId: id, pageSize: shown }, signal);
        known = answer.ops ?? [];
      }
      this.draw(workload);
    },

    draw(workload) {
      const now = sampler.now();
      const calls = callsOf(workload.status?.activity);
      element.replaceChildren(element.firstChild, known.length > 0
        ? pairs(known.map((op) => [words(op.kind, "OP_KIND_"), el("span", { class: "text" }, text(op, now))]))
        : el("p", { class: "quiet" }, ended(workload) ? "It has ended." : state(workload) === "PENDING" ? "Its turn." : "Nothing now."),
      ...(calls.length > 0 ? [el("h2", {}, "Its calls wait for"), pairs(calls)] : []));
    },
  };
}

// callsOf says what the calls of a component wait for.
function callsOf(activity) {
  const list = (activity?.waits ?? []).slice(0, shownGroups).map((w) => [
    `${number(w.count)} of ${printable(w.export || "none")}`, el("span", { class: "text" }, printable(`${words(w.wait, "CALL_WAIT_")} ${w.target ?? ""}`)),
  ]);
  if (activity?.circle?.length > 0) {
    list.push(["in a circle", el("span", { class: "text" }, printable(activity.circle.join(" → ")))]);
  }
  return list;
}

function text(op, now) {
  const parts = [
    op.target, op.peer && `of ${op.peer}`, op.grant && `by ${grantOfOp(op.grant)}`, op.reason,
    op.startTime && `for ${span((now - Date.parse(op.startTime)) / 1000)}`,
    op.deadline && `until ${new Date(op.deadline).toLocaleTimeString()}`,
  ];
  return printable(parts.filter(Boolean).join(", "));
}
