// The view of the node.

import { createChart } from "./chart.js";
import { el, pairs } from "./dom.js";
import { number, printable, seconds, size, span, time, words } from "./format.js";

const whole = (n) => number(Math.round(n));
const processors = (n) => n.toFixed(2);

// The charts: what is drawn of a sample.
const charts = [
  () => createChart("Workloads", [
    { name: "running", value: ({ stats }) => Number(stats.running ?? 0) },
    { name: "waiting", value: ({ stats }) => Number(stats.waiting ?? 0) },
    { name: "queued", value: ({ stats }) => Number(stats.pending ?? 0) },
  ], whole, 1),
  () => createChart("Wake lateness", [
    { name: "p50", value: ({ stats }) => seconds(stats.wakeLatenessP50) },
    { name: "p99", value: ({ stats }) => seconds(stats.wakeLatenessP99) },
  ], span, 0.001),
  () => createChart("Processors used by guests", [{ name: "now", value: ({ cpu }) => cpu }], processors, 1),
  () => createChart("Memory", [
    { name: "guests", value: ({ stats }) => Number(stats.guestMemoryBytes ?? 0) },
    { name: "the daemon in all", value: ({ stats }) => Number(stats.residentBytes ?? 0) },
  ], size, 1 << 20),
];

// showNode shows the node in root until signal is aborted.
export function showNode(root, { client, connection, sampler, signal }) {
  const drawn = charts.map((make) => make());
  const about = el("section", { class: "panel" }, el("h2", {}, "Node"));
  const counts = el("section", { class: "panel" }, el("h2", {}, "Since the start"));
  const waits = el("section", { class: "panel" }, el("h2", {}, "What workloads wait for"));
  root.replaceChildren(el("h1", {}, "Node"),
    el("div", { class: "panels" }, drawn.map((c) => c.element)),
    el("div", { class: "panels" }, waits, counts, about));

  const draw = () => {
    const samples = sampler.samples();
    if (samples.length > 0) {
      drawn.forEach((c) => c.draw(samples));
      counts.replaceChildren(counts.firstChild, figures(samples.at(-1).stats));
    }
  };
  sampler.subscribe(draw, signal);
  draw();

  connection.repeat(signal, 60_000, async () => {
    const { node } = await client.call("NodeService/GetNode", {}, signal);
    about.replaceChildren(about.firstChild, description(node));
  });
  connection.repeat(signal, 5000, async () => {
    const summary = await client.call("WorkloadService/SummarizeOps", { groups: 8 }, signal);
    waits.replaceChildren(waits.firstChild, ...groups(summary));
  });
}

const description = (node) => pairs([
  ["Version", node.version],
  ["State", node.draining ? "draining: it takes and starts no work" : "takes work"],
  ["Started", time(node.startTime)],
  ["Workers", number(node.workers)],
  ["Memory for guests", size(node.memoryBytes)],
  ["Data", el("span", { class: "mono text" }, printable(node.dataDir ?? ""))],
  ["Platform", `${node.platform}, ${node.goVersion}`],
  ["Process", node.processId],
]);

const figures = (stats) => pairs([
  ["Submitted", number(stats.submitted)],
  ["Succeeded", number(stats.succeeded)],
  ["Failed", number(stats.failed)],
  ["Cancelled", number(stats.cancelled)],
  ["Most that waited", number(stats.waitingPeak)],
  ["Processor time", span(seconds(stats.busyTime))],
  ["Resumed", number(stats.resumes)],
  ["Used up their quantum", number(stats.preemptions)],
  ["Latest wake-up", span(seconds(stats.wakeLatenessMax))],
  ["Compiled modules", number(stats.compiledModules)],
  ["Descriptors of guests", `${number(stats.descriptors)} of ${number(stats.maxDescriptors)}`],
]);

function groups(summary) {
  const list = summary.groups ?? [];
  if (list.length === 0) {
    return [el("p", { class: "quiet" }, "No workload waits for anything.")];
  }
  const rows = list.map((g) => [
    el("span", { class: "text" }, `${words(g.kind, "OP_KIND_")} ${printable(g.target ?? "")}`),
    number(g.count),
  ]);
  if (Number(summary.others ?? 0) > 0) {
    rows.push(["others", number(summary.others)]);
  }
  const stuck = Number(summary.stuck ?? 0);
  return [pairs(rows), stuck > 0 && el("p", { class: "fault" }, `${number(stuck)} can never go on.`)].filter(Boolean);
}
