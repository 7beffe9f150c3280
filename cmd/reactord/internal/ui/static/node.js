// The view of the node.

import { createChart } from "./chart.js";
import { el, pairs, setText } from "./dom.js";
import { number, printable, seconds, size, span, time, words } from "./format.js";
import { minutes } from "./sampler.js";

const whole = (n) => number(Math.round(n));
const processors = (n) => n.toFixed(2);

// The charts: what is drawn of a sample.
const charts = [
  () => createChart("Workloads", {
    series: [
      { name: "running", value: ({ stats }) => Number(stats.running ?? 0) },
      { name: "waiting", value: ({ stats }) => Number(stats.waiting ?? 0) },
      { name: "queued", value: ({ stats }) => Number(stats.pending ?? 0) },
    ], write: whole, least: 1,
  }),
  () => createChart("Wake lateness", {
    series: [
      { name: "p50", value: ({ stats }) => seconds(stats.wakeLatenessP50) },
      { name: "p99", value: ({ stats }) => seconds(stats.wakeLatenessP99) },
    ], write: span, least: 0.001, note: "Each point is about the wake-ups by timers in the one to two minutes before it.",
  }),
  () => createChart("Processors used by guests", { series: [{ name: "now", value: ({ cpu }) => cpu }], write: processors, least: 1 }),
  () => createChart("Memory", {
    series: [
      { name: "guests", value: ({ stats }) => Number(stats.guestMemoryBytes ?? 0) },
      { name: "the daemon in all", value: ({ stats }) => Number(stats.residentBytes ?? 0) },
    ], write: size, least: 1 << 20, base: 2,
  }),
];

// showNode shows the node in root until signal is aborted.
export function showNode(root, { client, connection, sampler, signal }) {
  const drawn = charts.map((make) => make());
  const about = el("section", { class: "panel" }, el("h2", {}, "Node"));
  const counts = el("section", { class: "panel" }, el("h2", {}, "Since the start"));
  const waits = el("section", { class: "panel" }, el("h2", {}, "What workloads wait for"));
  const reach = el("p", { class: "quiet" });
  let described = ""; // what about tells, as JSON
  root.replaceChildren(el("h1", {}, "Node"), reach,
    el("div", { class: "panels" }, drawn.map((c) => c.element)),
    el("div", { class: "panels" }, waits, counts, about));

  const draw = () => {
    const samples = sampler.samples();
    setText(reach, reachOf(samples));
    drawn.forEach((c) => c.draw(samples));
    const last = samples.at(-1);
    if (!last) {
      return;
    }
    counts.replaceChildren(counts.firstChild, figures(last.stats));
    if (described !== JSON.stringify(last.node)) {
      described = JSON.stringify(last.node);
      about.replaceChildren(about.firstChild, description(last.node));
    }
  };
  sampler.subscribe(draw, signal);
  draw();

  connection.repeat(signal, 5000, async () => {
    const summary = await client.call("WorkloadService/SummarizeOps", { groups: 8 }, signal);
    waits.replaceChildren(waits.firstChild, ...groups(summary));
  });
}

// reachOf says how far back the charts reach.
export function reachOf(samples) {
  const charts = `The charts show the last ${minutes} minutes`;
  const collected = samples.length > 1 ? (samples.at(-1).time - samples[0].time) / 1000 : 0;
  if (collected > minutes * 60 - 10) {
    return `${charts}.`;
  }
  return `${charts}, of which this tab has collected ${collected < 1 ? "nothing yet" : collected < 10 ? "the first seconds" : span(collected)}.`;
}

const description = (node) => pairs([
  ["Version", node.version],
  ["State", node.draining ? "draining" : "takes work"],
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
  ["Latest wake-up of 2 min", span(seconds(stats.wakeLatenessMax))],
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
