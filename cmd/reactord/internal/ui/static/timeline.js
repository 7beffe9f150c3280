// When a workload was queued, started and ended, and how it has spent its time.

import { el, svg } from "./dom.js";
import { seconds, span, state } from "./format.js";

const width = 1000;

// createTimeline makes a timeline of a workload.
export function createTimeline() {
  const drawing = svg("svg", { viewBox: `0 0 ${width} 10`, preserveAspectRatio: "none", "aria-hidden": "true" });
  const legend = el("ul");
  const element = el("section", { class: "panel timeline" }, el("h2", {}, "Timeline"), drawing, legend);

  return {
    element,
    draw(workload, now) {
      const parts = partsOf(workload, now).filter((p) => p.length > 0);
      const all = parts.reduce((sum, p) => sum + p.length, 0) || 1;
      let at = 0;
      drawing.replaceChildren(...parts.map((p) => {
        const w = (width * p.length) / all;
        const rect = svg("rect", { class: p.kind, x: at.toFixed(2), width: Math.max(w, 1).toFixed(2), height: 10 });
        at += w;
        return rect;
      }));
      legend.replaceChildren(...parts.map((p) => el("li", { class: p.kind }, `${p.name} ${span(p.length)}`)));
    },
  };
}

// partsOf returns what a workload has spent its time with from its submission to its end, or to now, in ms since 1970. It tells what
// an attempt was spent with if there was one alone, since usage is that of all; and not of a service, whose instances use time side
// by side.
export function partsOf(workload, now) {
  const { createTime, startTime, endTime, attempts = 0, usage = {} } = workload.status ?? {};
  const created = Date.parse(createTime), end = endTime ? Date.parse(endTime) : now;
  const whole = Math.max(0, (end - created) / 1000);
  if (!startTime || state(workload) === "PENDING") {
    return [{ kind: "queued", name: attempts > 0 ? "before its next attempt" : "queued and loaded", length: whole }];
  }
  const before = Math.min(whole, Math.max(0, (Date.parse(startTime) - created) / 1000));
  if (attempts > 1 || workload.spec?.serve) {
    return [
      { kind: "queued", name: attempts > 1 ? "before this attempt" : "queued and loaded", length: before },
      { kind: "waiting", name: workload.spec?.serve ? "serving" : "this attempt", length: whole - before },
    ];
  }
  const cpu = seconds(usage.cpuTime), ready = seconds(usage.readyTime), waiting = seconds(usage.waitingTime);
  const rest = whole - cpu - ready - waiting; // of which a part may have been used before the start
  const queued = Math.max(0, Math.min(before, rest));
  const other = rest - queued;
  return [
    { kind: "queued", name: "queued and loaded", length: queued },
    { kind: "ready", name: "ready, without a worker", length: ready },
    { kind: "cpu", name: "computed", length: cpu },
    { kind: "waiting", name: "waited", length: waiting },
    { kind: "other", name: "not accounted for", length: other > whole / 50 ? other : 0 }, // a little is between two readings
  ];
}
