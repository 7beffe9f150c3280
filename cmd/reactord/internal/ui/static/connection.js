// Whether the daemon answers, and when to try again.

import { el } from "./dom.js";

const first = 1000, longest = 15_000; // between two tries, in ms

// sleep waits for a time, until wake is dispatched on target, or until signal is aborted.
function sleep(ms, target, signal) {
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      target.removeEventListener("wake", done);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    target.addEventListener("wake", done);
    signal.addEventListener("abort", done);
  });
}

// visible waits until the page can be seen.
function visible(signal) {
  if (!document.hidden || signal.aborted) {
    return Promise.resolve();
  }
  return new Promise((resolve) => {
    const look = () => {
      if (!document.hidden || signal.aborted) {
        document.removeEventListener("visibilitychange", look);
        signal.removeEventListener("abort", look);
        resolve();
      }
    };
    document.addEventListener("visibilitychange", look);
    signal.addEventListener("abort", look);
  });
}

// createConnection shows in banner while the daemon does not answer. denied is called when it wants a token.
export function createConnection(banner, denied) {
  const wakes = new EventTarget();
  let failures = 0;

  function worked() {
    if (failures > 0) {
      failures = 0;
      banner.replaceChildren();
      wakes.dispatchEvent(new Event("wake")); // what waits to try again need not wait any longer
    }
  }

  function failed(error) {
    if (error.code === "unauthenticated") {
      denied(error);
      return;
    }
    if (!error.lost) {
      return;
    }
    failures++;
    if (banner.childElementCount === 0) {
      banner.append(el("div", { class: "banner" },
        el("span", {}, "The connection to the daemon is lost. What you see is from before. It is tried again."),
        el("button", { type: "button", onclick: () => wakes.dispatchEvent(new Event("wake")) }, "Try now")));
    }
  }

  // repeat runs task every so many ms while the page can be seen, until signal is aborted or task returns false. It may return
  // another time, and one that takes long is repeated less often. What it throws goes to onError, which returns true if that is the
  // end.
  async function repeat(signal, every, task, onError = () => false) {
    while (!signal.aborted) {
      await visible(signal);
      if (signal.aborted) {
        return;
      }
      const began = performance.now();
      let pause = every;
      try {
        const result = await task();
        worked();
        if (result === false) {
          return;
        }
        pause = Math.max(result ?? every, 4 * (performance.now() - began));
      } catch (error) {
        if (signal.aborted) {
          return;
        }
        failed(error);
        if (onError(error)) {
          return;
        }
        pause = Math.max(every, Math.min(longest, first * 2 ** Math.min(failures, 5)));
      }
      await sleep(pause, wakes, signal);
    }
  }

  return { repeat, worked, failed, wake: () => wakes.dispatchEvent(new Event("wake")) };
}

// whileVisible returns a signal that is aborted with another one, or when the page is hidden.
export function whileVisible(signal) {
  const hidden = new AbortController();
  const look = () => document.hidden && hidden.abort();
  document.addEventListener("visibilitychange", look, { signal: AbortSignal.any([signal, hidden.signal]) });
  look();
  return AbortSignal.any([signal, hidden.signal]);
}
