// What the API says, in words for people. The functions are pure.

const count = new Intl.NumberFormat("en");

// number writes a number, which the API sends as text if it has 64 bits.
export const number = (n) => count.format(Number(n ?? 0));

// counted writes a number of things.
export const counted = (n, thing) => `${number(n)} ${thing}${Number(n) === 1 ? "" : "s"}`;

// times writes how often something happened.
export const times = (n) => (Number(n) === 1 ? "once" : `${number(n)} times`);

// size writes a number of bytes.
export function size(bytes) {
  let n = Number(bytes ?? 0);
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let unit = 0;
  while (n >= 1024 && unit < units.length - 1) {
    n /= 1024;
    unit++;
  }
  return `${unit === 0 || n >= 100 ? Math.round(n) : n.toFixed(1)} ${units[unit]}`;
}

// seconds reads a duration as the API sends it: "1.5s".
export const seconds = (duration) => (duration ? Number.parseFloat(duration) : 0);

// span writes a time span in seconds.
export function span(s) {
  if (s < 0) {
    return span(0);
  }
  if (s < 0.0000005) {
    return "0";
  }
  if (s < 0.001) {
    return `${Math.round(s * 1e6)} µs`;
  }
  if (s < 1) {
    return `${(s * 1000).toFixed(s < 0.1 ? 1 : 0)} ms`;
  }
  if (s < 60) {
    return `${s.toFixed(s < 10 ? 1 : 0)} s`;
  }
  const parts = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const first = parts.findIndex(([, length]) => s >= length);
  const [unit, length] = parts[first];
  const [next, nextLength] = parts[first + 1];
  const whole = Math.floor(s / length);
  const rest = Math.floor((s - whole * length) / nextLength);
  return rest > 0 ? `${whole} ${unit} ${rest} ${next}` : `${whole} ${unit}`;
}

// time writes a moment.
export const time = (stamp) => (stamp ? new Date(stamp).toLocaleString() : "");

// age writes how long ago a moment was.
export const age = (stamp, now = Date.now()) => (stamp ? span((now - Date.parse(stamp)) / 1000) : "");

// name is the name of an enumeration's value without what all values begin with.
export const name = (value, prefix) => (value ?? "").replace(prefix, "");

// state is the state of a workload.
export const state = (workload) => name(workload.status?.state, "WORKLOAD_STATE_") || "PENDING";

// words is the name of an enumeration's value in small letters.
export const words = (value, prefix) => name(value, prefix).toLowerCase().replaceAll("_", " ");

// ended reports whether a workload has ended.
export const ended = (workload) => ["SUCCEEDED", "FAILED", "CANCELLED"].includes(state(workload));

// labels writes the labels of a workload.
export const labels = (workload) => Object.entries(workload.spec?.labels ?? {}).map(([key, value]) => `${key}=${value}`).sort().join(" ");

// digest is the short form of a module's name.
export const digest = (module) => (module ?? "").replace(/^sha256:([0-9a-f]{12})[0-9a-f]{52}$/, "$1");

// printable makes text from others safe to look at: nothing in it moves, colours or turns around what is beside it.
export function printable(text) {
  return text
    .replace(/\u001b\[[0-9;?]*[ -/]*[@-~]/g, "") // colours and the like
    .replace(/[\u0000-\u0008\u000b-\u001f]/g, (c) => String.fromCharCode(0x2400 + c.charCodeAt(0)))
    .replace(/[\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, "\ufffd");
}
