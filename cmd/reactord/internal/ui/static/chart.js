// Small charts of the last minutes.

import { el, setText, svg } from "./dom.js";
import { interval, minutes } from "./sampler.js";

const width = 300, height = 80;

// createChart makes a chart with a line for each series: its name, and how a sample gives its value, or null. write writes a value,
// and least is what the top of the scale is at least; it is round by base, which is 10 or 2. note says more about the values.
export function createChart(title, { series, write, least, base = 10, note }) {
  const lines = series.map((_, i) => svg("path", { class: `series${i + 1}` }));
  const legend = series.map((s, i) => el("li", { class: `series${i + 1}` }, s.name));
  const top = el("span", { class: "top" });
  const drawing = svg("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" },
    svg("path", { class: "base", d: `M0 ${height}H${width}M0 0H${width}` }), lines);
  const axes = el("div", { class: "axes quiet", "aria-hidden": "true" },
    top, el("span", { class: "bottom" }, "0"), drawing,
    el("span", { class: "then" }, `${minutes} min ago`), el("span", { class: "now" }, "now"));
  const element = el("section", { class: "panel chart" }, el("h2", {}, title), axes, el("ul", {}, legend),
    note && el("p", { class: "quiet" }, note));

  return {
    element,
    draw(samples) {
      const values = series.map((s) => samples.map(s.value));
      const most = roundUp(Math.max(least, ...values.flat().filter((v) => v !== null)), base);
      setText(top, write(most));
      values.forEach((list, i) => {
        lines[i].setAttribute("d", path(samples, list, most));
        const now = list.at(-1);
        setText(legend[i], `${series[i].name}: ${now === null || now === undefined ? "…" : write(now)}`);
      });
    },
  };
}

// roundUp returns the round number that is n or the next above it: 1, 2 or 5 times a power of ten, or a power of two.
export function roundUp(n, base) {
  if (base === 2) {
    return 2 ** Math.ceil(Math.log2(n));
  }
  const power = 10 ** Math.floor(Math.log10(n));
  return power * [1, 2, 5, 10].find((step) => step * power >= n * (1 - 1e-9));
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
