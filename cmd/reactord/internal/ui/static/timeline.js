// When a workload was queued, started and ended, and how it has spent its time.

import { el, svg } from "./dom.js";
import { seconds, span } from "./format.js";

const width = 1000;

// createTimeline makes a timeline of a workload.
export function createTimeline() {
  const drawing = svg("svg", { viewBox: `0 0 ${width} 10`, preserveAspectRatio: "none", "aria-hidden": "true" });
  const legend = el("ul");
  const element = el("section", { class: "panel timeline" }, el("h2", {}, "Timeline"), drawing, legend);

  return {
    element,
    draw(workload) {
      const parts = partsOf(workload, Date.now()).filter((p) => p.length > 0);
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

// partsOf returns what a workload has spent its time with since it was submitted. What its attempts have spent is known in sum; the
// rest is the time in the queue.
export function partsOf(workload, now) {
  const { createTime, endTime, usage = {} } = workload.status ?? {};
  const whole = Math.max(0, ((endTime ? Date.parse(endTime) : now) - Date.parse(createTime)) / 1000);
  const cpu = seconds(usage.cpuTime), ready = seconds(usage.readyTime), waiting = seconds(usage.waitingTime);
  return [
    { kind: "queued", name: "queued and loaded", length: Math.max(0, whole - cpu - ready - waiting) },
    { kind: "ready", name: "ready, without a worker", length: ready },
    { kind: "cpu", name: "computed", length: cpu },
    { kind: "waiting", name: "waited", length: waiting },
  ];
}
