// The node's figures over the last minutes.

import { seconds } from "./format.js";

export const interval = 2000; // between two samples, in ms
export const minutes = 5; // that are kept
const kept = (minutes * 60_000) / interval;

// createSampler reads the figures while it runs, and keeps the last ones. A sample has the time, the statistics and the node as the
// API has them, and cpu: how many processors the guests have used since the sample before.
export function createSampler(client, connection) {
  const subscribers = new Set();
  let samples = [];
  let ahead = 0; // how far the daemon's clock is before the browser's, in ms

  function add(stats, node) {
    const time = Date.parse(stats.time);
    ahead = time - Date.now();
    const last = samples.at(-1);
    const busy = seconds(stats.busyTime);
    if (last && busy < last.busy) {
      samples = []; // another daemon
    }
    const before = samples.at(-1);
    const cpu = before && time > before.time ? (busy - before.busy) / ((time - before.time) / 1000) : null;
    samples.push({ time, busy, cpu, stats, node });
    samples = samples.slice(-kept);
    for (const subscriber of subscribers) {
      subscriber(samples.at(-1));
    }
  }

  return {
    run: (signal) => connection.repeat(signal, interval, async () => {
      const [{ stats }, { node }] = await Promise.all([
        client.call("NodeService/GetStats", {}, signal), client.call("NodeService/GetNode", {}, signal),
      ]);
      add(stats, node);
    }, (error) => error.code === "unauthenticated"),

    // subscribe has subscriber called with each new sample, until signal is aborted.
    subscribe(subscriber, signal) {
      subscribers.add(subscriber);
      signal?.addEventListener("abort", () => subscribers.delete(subscriber));
    },

    samples: () => samples,

    // now is the time by the daemon's clock, in ms since 1970.
    now: () => Date.now() + ahead,
  };
}
