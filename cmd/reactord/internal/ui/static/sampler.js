// The node's figures over the last minutes.

import { seconds } from "./format.js";

export const interval = 2000; // between two samples, in ms
const kept = 150;

// createSampler reads the figures while it runs, and keeps the last ones. A sample has the time, the statistics as the API has them,
// and cpu: how many processors the guests have used since the sample before.
export function createSampler(client, connection) {
  const subscribers = new Set();
  let samples = [];

  function add(stats) {
    const time = Date.parse(stats.time);
    const last = samples.at(-1);
    const busy = seconds(stats.busyTime);
    if (last && busy < last.busy) {
      samples = []; // another daemon
    }
    const before = samples.at(-1);
    const cpu = before && time > before.time ? (busy - before.busy) / ((time - before.time) / 1000) : null;
    samples.push({ time, busy, cpu, stats });
    samples = samples.slice(-kept);
    for (const subscriber of subscribers) {
      subscriber(samples.at(-1));
    }
  }

  return {
    run: (signal) => connection.repeat(signal, interval, async () => {
      const answer = await client.call("NodeService/GetStats", {}, signal);
      add(answer.stats);
    }, (error) => error.code === "unauthenticated"),

    // subscribe has subscriber called with each new sample, until signal is aborted.
    subscribe(subscriber, signal) {
      subscribers.add(subscriber);
      signal?.addEventListener("abort", () => subscribers.delete(subscriber));
    },

    samples: () => samples,
  };
}
