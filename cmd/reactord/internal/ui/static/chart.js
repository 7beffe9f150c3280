// Small charts of the last minutes.

import { el, setText, svg } from "./dom.js";
import { interval } from "./sampler.js";

const width = 300, height = 80, minutes = 5;

// createChart makes a chart with a line for each series: its name, and how a sample gives its value, or null. write writes a value,
// and least is what the top of the chart is at least.
export function createChart(title, series, write, least) {
  const lines = series.map((_, i) => svg("path", { class: `series${i + 1}` }));
  const legend = series.map((s, i) => el("li", { class: `series${i + 1}` }, s.name));
  const top = el("span", { class: "quiet" });
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("path", { class: "base", d: `M0 ${height}H${width}M0 0H${width}` }), lines);
  const element = el("section", { class: "panel chart" }, el("h2", {}, title, " ", top), drawing, el("ul", {}, legend));

  return {
    element,
    draw(samples) {
      const values = series.map((s) => samples.map(s.value));
      const most = Math.max(least, ...values.flat().filter((v) => v !== null));
      setText(top, `up to ${write(most)}`);
      values.forEach((list, i) => {
        lines[i].setAttribute("d", path(samples, list, most));
        const now = list.at(-1);
        setText(legend[i], `${series[i].name}: ${now === null || now === undefined ? "…" : write(now)}`);
      });
    },
  };
}

// path draws values; where samples are missing there is no line.
function path(samples, values, most) {
  const end = samples.at(-1)?.time ?? 0;
  let drawn = "", last = null;
  samples.forEach((sample, i) => {
    const value = values[i];
    if (value === null) {
      last = null;
      return;
    }
    const x = width * (1 - (end - sample.time) / (minutes * 60_000));
    const y = height * (1 - value / most);
    const joined = last !== null && sample.time - last < 4 * interval;
    drawn += `${joined ? "L" : "M"}${x.toFixed(1)} ${y.toFixed(1)}`;
    last = sample.time;
  });
  return drawn;
}
