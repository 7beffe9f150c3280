// The view of one workload.

import { askCancel } from "./cancel.js";
import { el, pairs, setText } from "./dom.js";
import { ended, digest, labels, number, printable, seconds, size, span, state, time, times, words } from "./format.js";
import { grantText } from "./grants.js";
import { onKeys } from "./keys.js";
import { createLog } from "./log.js";
import { showMissing } from "./nothing.js";
import { createOps } from "./ops.js";
import { createTimeline } from "./timeline.js";

const interval = 1500; // between two readings of a workload that has not ended, in ms
const large = 64 << 10, seldom = 15_000; // a workload with a larger input is read less often, since that comes with it

// showWorkload shows a workload in root until signal is aborted.
export function showWorkload(root, context) {
  const { client, connection, sampler, signal, parameter: id } = context;
  const title = el("h1", {}, el("span", { class: "mono" }, printable(id)), " ", el("span", { class: "text" }));
  const is = el("span", { class: "state", role: "status" });
  const cancel = el("button", { type: "button", class: "danger", hidden: true, onclick: () => ask() }, "Cancel …");
  const fault = el("p", { class: "fault", role: "alert" });
  const message = el("p", { class: "fault" });
  const timeline = createTimeline();
  const about = el("section", { class: "panel" }, el("h2", {}, "Workload"));
  const usage = el("section", { class: "panel" }, el("h2", {}, "Used"));
  const ops = createOps(context);
  const log = createLog(context);
  root.replaceChildren(title, fault);

  let workload = null;
  const ask = () => workload && !ended(workload) && askCancel(client, connection, workload, (error) => {
    setText(fault, error ? error.message : "");
    connection.wake();
  });
  onKeys({ c: ask, p: () => workload && log.toggle(), Escape: context.back }, signal);

  function draw() {
    if (!message.isConnected) {
      root.replaceChildren(title, el("div", { class: "tools" }, is, cancel), fault, message,
        timeline.element, el("div", { class: "panels" }, about, usage, ops.element), log.element);
    }
    setText(title.lastChild, printable(workload.spec?.name ?? ""));
    setText(is, state(workload).toLowerCase());
    is.className = `state ${state(workload)}`;
    cancel.hidden = ended(workload);
    setText(message, [workload.status?.stuck, workload.status?.delay?.message, workload.status?.message, stack(workload.status?.crash)]
      .filter(Boolean).map(printable).join("\n"));
    message.classList.toggle("fault", state(workload) === "FAILED" || Boolean(workload.status?.stuck));
    timeline.draw(workload, sampler.now());
    about.replaceChildren(about.firstChild, description(workload));
    usage.replaceChildren(usage.firstChild, used(workload));
    ops.draw(workload);
    log.draw(workload);
  }

  connection.repeat(signal, interval, async () => {
    ({ workload } = await client.call("WorkloadService/GetWorkload", { id }, signal));
    setText(fault, "");
    draw();
    await ops.read(workload);
    log.follow(() => connection.wake());
    if (ended(workload) && log.finished()) {
      return false;
    }
    return (workload.spec?.stdin?.length ?? 0) > large ? seldom : interval;
  }, (error) => {
    const none = ["not_found", "invalid_argument"].includes(error.code);
    if (none && !workload) {
      showMissing(root, "There is no workload with this id", id);
    } else if (!error.lost) {
      setText(fault, error.message);
    }
    return none;
  });
}

// stack writes where a guest crashed, the innermost call first. Why it crashed is in the message of its workload.
const stack = (crash) => (crash?.frames ?? []).map((f) => `  at ${f.function || `function ${f.functionIndex ?? 0}`}`).join("\n");

const code = (text) => el("span", { class: "mono text" }, printable(text));

function description(workload) {
  const { spec = {}, status = {} } = workload;
  return pairs([
    ["Module", code(digest(spec.module))],
    ["Labels", labels(workload) && code(labels(workload))],
    ["Arguments", (spec.args ?? []).length > 0 && code(clip(spec.args.join(" ")))],
    ["Function", spec.invoke && code(spec.invoke)],
    ["Call", spec.call && code(clip(JSON.stringify(spec.call)))],
    ["Listens at", (status.listenAddresses ?? []).length > 0 && code(status.listenAddresses.join(" "))],
    ...(spec.grants ?? []).map((grant, i) => ["Grant", code(grantText(grant) + (status.revokedGrants?.includes(i) ? " (revoked)" : ""))]),
    ["Reason", status.reason && words(status.reason, "END_REASON_")],
    ["Exit code", status.exitCode],
    ["Attempts", number(status.attempts)],
    ["Result", status.result && code(clip(JSON.stringify(status.result)))],
    ["Results", (status.results ?? []).length > 0 && code(clip(status.results.join(" ")))],
    ["Requests", status.service && `${number(status.service.requests)}, ${number(status.service.active)} under way, ${number(status.service.failed)} failed`],
    ["Submitted", time(status.createTime)],
    ["Started", time(status.startTime)],
    ["Ended", time(status.endTime)],
  ].map(([term, value]) => [term, value === false ? "" : value]));
}

function used(workload) {
  const u = workload.status?.usage ?? {};
  return pairs([
    ["Processor", span(seconds(u.cpuTime))],
    ["Ready, without a worker", span(seconds(u.readyTime))],
    ["Waited", span(seconds(u.waitingTime))],
    ...(u.waits ?? []).map((w) => [`  for ${words(w.kind, "OP_KIND_")}`, `${span(seconds(w.time))}, ${times(w.count)}`]),
    ["Fuel", number(u.fuel)],
    ["Memory at most", size(u.peakMemoryBytes)],
    ["Output", size(u.logBytes)],
    ["Sent", Number(u.sentBytes ?? 0) > 0 && size(u.sentBytes)],
    ["Received", Number(u.receivedBytes ?? 0) > 0 && size(u.receivedBytes)],
  ].map(([term, value]) => [term, value === false ? "" : value]));
}

// clip shortens what may be very long.
const clip = (text) => (text.length > 2000 ? `${text.slice(0, 2000)} …` : text);
