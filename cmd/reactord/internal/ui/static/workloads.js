// The view of the workloads: a list with a filter.

import { el, setText } from "./dom.js";
import { onKeys } from "./keys.js";
import { counted, number } from "./format.js";
import { faultOf, parse, search } from "./filter.js";
import { createFeed } from "./feed.js";
import { createRows } from "./rows.js";

const states = ["PENDING", "RUNNING", "WAITING", "SUCCEEDED", "FAILED", "CANCELLED"];
const typing = 80; // how long nobody must have typed before the list is read again, in ms
const maxRows = 1000;

// showWorkloads shows the list in root until signal is aborted.
export function showWorkloads(root, { client, connection, sampler, signal, query, onList }) {
  const field = el("input", {
    type: "search", name: "filter", "aria-label": "Filter", placeholder: "app=web tier!=test module:TAG, or an id", value: query.get("filter") ?? "",
    spellcheck: "false", autocapitalize: "off",
  });
  const choice = el("select", { name: "state", "aria-label": "State" },
    el("option", { value: "" }, "all states"), states.map((s) => el("option", { value: s, selected: s === query.get("state") }, s.toLowerCase())));
  const note = el("p", { class: "quiet", role: "status" });
  const fault = el("p", { class: "fault", role: "alert" });
  const more = el("button", { type: "button", hidden: true }, "More");
  const rows = createRows(sampler.now);
  root.replaceChildren(el("h1", {}, "Workloads"), el("div", { class: "tools", role: "search" }, field, choice), fault, note, rows.element, more);

  let asked = new AbortController(); // ends what the filter before has begun
  let filter = parse("", "");
  let rest = null; // the token of the next page

  // tell says how many workloads are shown: maybe none, and why.
  function tell(examining, none) {
    const shown = number(rows.count());
    const all = none ?? counted(rows.count(), "workload");
    setText(note, examining ? `${shown} found so far …` : rest === null ? all : `the newest ${shown}; there are more`);
    more.hidden = rest === null || rows.count() >= maxRows;
    if (rows.count() >= maxRows) {
      setText(note, `the newest ${shown}: narrow the filter to see others`);
    }
  }

  // read reads the list by the filter.
  function read() {
    asked.abort();
    asked = new AbortController();
    filter = parse(field.value, choice.value);
    onList(keepAddress(field.value.trim(), choice.value));
    let begun = false; // the rows are this filter's
    createFeed({ client, connection, signal: AbortSignal.any([signal, asked.signal]), filter }).run({
      onPart(part) {
        rows.replace(part.workloads);
        tell(true);
      },
      onPage(page) {
        setText(fault, "");
        if (rows.refresh(page.workloads, page.rest === null || !begun)) {
          rest = page.rest;
        }
        begun = true;
        tell(false, page.none);
      },
      onChange(workload) {
        rows.change(workload, filter, maxRows);
        tell(false);
      },
      onFault(error, none) {
        if (none) {
          rows.replace([]);
          rest = null;
          tell(false);
        }
        setText(fault, faultOf(filter, error));
      },
    });
  }

  more.addEventListener("click", async () => {
    more.disabled = true;
    try {
      const page = await search(client, filter, rest, AbortSignal.any([signal, asked.signal]));
      rest = page.rest;
      rows.append(page.workloads);
      tell(false);
    } catch (error) {
      if (!signal.aborted && error.name !== "AbortError") {
        connection.failed(error);
        setText(fault, error.message);
      }
    } finally {
      more.disabled = false;
    }
  });

  let timer;
  field.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(read, typing);
  });
  field.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
      field.blur();
    } else if (event.key === "ArrowDown" || event.key === "Enter") {
      event.preventDefault();
      rows.move(1);
    }
  });
  choice.addEventListener("change", read);
  signal.addEventListener("abort", () => clearTimeout(timer));
  onKeys({
    "/": () => field.select(),
    ArrowDown: () => rows.move(1),
    ArrowUp: () => rows.move(-1),
  }, signal);
  read();
}

// keepAddress has the address say what is shown, so that it can be sent to somebody, and returns its part behind "#".
function keepAddress(text, state) {
  const query = new URLSearchParams();
  if (text) {
    query.set("filter", text);
  }
  if (state) {
    query.set("state", state);
  }
  const tail = query.toString();
  const address = `#/workloads${tail && "?"}${tail}`;
  history.replaceState(null, "", address);
  return address;
}
