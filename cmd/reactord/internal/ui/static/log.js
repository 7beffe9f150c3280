// The output of a workload, as it comes.

import { el, setText } from "./dom.js";
import { ended, printable, size } from "./format.js";
import { whileVisible } from "./connection.js";

const tail = 500; // lines from before
const keptLines = 5000;
const flood = 1 << 20, moment = 2000; // so many bytes in so short a time, in ms, that nobody can have read them;
const lineBytes = 100; // each line counts as so many more
const longestLine = 4000; // characters of a line that are shown

// createLog makes a panel with the output. It follows the output once follow is called.
export function createLog({ client, connection, signal, parameter: id }) {
  const lines = el("div", { class: "log", tabindex: "0", role: "log", "aria-label": "Output" });
  const pause = el("button", { type: "button", onclick: toggle }, "Pause");
  const note = el("span", { class: "quiet", role: "status" });
  const element = el("section", { class: "panel" }, el("h2", {}, "Output"), el("div", { class: "tools" }, pause, note), lines);

  let position = null; // where to go on: the offset, the attempt and its start; null: at the tail
  let reading = null; // an AbortController while output is read
  let paused = false, finished = false;
  let last = false; // the workload has ended: what output there is comes at once
  const texts = createTexts(lines);

  function toggle() {
    if (last && !paused) {
      return;
    }
    paused = !paused;
    pause.hidden = last && !paused;
    setText(pause, paused ? "Go on" : "Pause");
    setText(note, paused ? "paused: output is kept by the daemon" : "");
    if (paused) {
      reading?.abort();
    } else {
      connection.wake();
    }
  }

  // take shows a run of output, and returns how much it is.
  function take(run) {
    if (Number(run.missingBytes ?? 0) > 0) {
      texts.note(`${size(run.missingBytes)} were not kept`);
    }
    let begun = 0;
    const bytes = Uint8Array.from(atob(run.data ?? ""), (c) => c.charCodeAt(0));
    if (bytes.length > 0) {
      begun = texts.add(run.stream === "OUTPUT_STREAM_STDERR" ? "stderr" : "stdout", bytes);
      position = {
        offset: String(BigInt(run.offset ?? 0) + BigInt(bytes.length)), attempt: run.attempt, attemptStartUs: run.attemptStartUs,
      };
    }
    return bytes.length + lineBytes * begun;
  }

  return {
    element,
    toggle,

    // draw takes over whether the workload has ended: then there is nothing to pause.
    draw(workload) {
      last = ended(workload);
      pause.hidden = last && !paused;
    },

    // finished reports whether all output is shown that there will be.
    finished: () => finished,

    // follow reads the output, unless that is under way, until the workload has ended; then it calls onEnd. It ends early when the page
    // is hidden, and the next call goes on where it was; and in a flood of output, after which the next call begins at the newest.
    async follow(onEnd) {
      if (reading || paused || finished) {
        return;
      }
      reading = new AbortController();
      const until = whileVisible(AbortSignal.any([signal, reading.signal]));
      try {
        const request = { id, follow: true, ...(position ?? { tailLines: tail }) };
        const began = performance.now();
        let taken = 0;
        for await (const run of client.stream("WorkloadService/ReadLogs", request, until)) {
          taken += take(run);
          if (taken > flood && performance.now() - began < moment) {
            texts.note("it writes more than can be shown: a part is left out");
            position = null;
            return;
          }
        }
        finished = true;
        texts.end();
        setText(note, "this is all");
        onEnd();
      } catch (error) {
        if (!until.aborted) {
          connection.failed(error);
          setText(note, error.message);
        }
      } finally {
        reading = null;
      }
    },
  };
}

// createTexts puts text into lines, a line for each of the guest's. Lines of both streams are in the order in which they began.
function createTexts(lines) {
  const streams = new Map(); // by name: the decoder, and the line that is not complete
  let added = [];
  let drawing = false;

  function draw() {
    drawing = false;
    const atEnd = lines.scrollHeight - lines.scrollTop - lines.clientHeight < 40;
    lines.append(...added.slice(-keptLines));
    added = [];
    for (let surplus = lines.childElementCount - keptLines; surplus > 0; surplus--) {
      lines.firstChild.remove();
    }
    if (atEnd) {
      lines.scrollTop = lines.scrollHeight;
    }
  }

  function line(kind) {
    const made = el("div", { class: kind });
    added.push(made);
    if (added.length > 2 * keptLines) {
      added = added.slice(-keptLines);
    }
    if (!drawing) {
      drawing = true;
      requestAnimationFrame(draw);
    }
    return made;
  }

  return {
    // add shows bytes of a stream, and returns how many lines they have ended.
    add(name, bytes) {
      let s = streams.get(name);
      if (!s) {
        s = { decoder: new TextDecoder(), text: "", line: null };
        streams.set(name, s);
      }
      const parts = s.decoder.decode(bytes, { stream: true }).split("\n");
      parts.forEach((part, i) => {
        s.line ??= i < parts.length - 1 || part ? line(name) : null;
        if (s.text.length < longestLine) {
          s.text += part;
        }
        if (s.line) {
          const text = printable(s.text.replace(/\r$/, ""));
          setText(s.line, text.length > longestLine ? `${text.slice(0, longestLine)} …` : text);
        }
        if (i < parts.length - 1) {
          s.text = "";
          s.line = null;
        }
      });
      return parts.length - 1;
    },
    note: (text) => setText(line("note"), text),
    end() {
      if (lines.childElementCount === 0 && added.length === 0) {
        setText(line("note"), "It has written nothing.");
      }
    },
  };
}
