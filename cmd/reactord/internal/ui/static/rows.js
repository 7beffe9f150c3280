// The rows of the list of workloads.

import { el, setText } from "./dom.js";
import { age, ended, labels, printable, state, words } from "./format.js";
import { matches } from "./filter.js";

// createRows makes a table of workloads. now is the time by which they have an age.
export function createRows(now) {
  const body = el("tbody");
  const element = el("table", { class: "workloads" },
    el("colgroup", {}, ["id", "state", "when", "labels", "what"].map((c) => el("col", { class: c }))),
    el("thead", {}, el("tr", {}, ["Workload", "State", "Age", "Labels", "Waits for, or ended with"].map((t) => el("th", { scope: "col" }, t)))), body);
  const rows = new Map(); // by id

  const insert = (workload, before) => {
    const row = createRow(workload, now);
    rows.set(workload.id, row);
    body.insertBefore(row.element, before);
  };
  const remove = (id) => {
    rows.get(id).element.remove();
    rows.delete(id);
  };
  const put = (workload, before) => {
    if (rows.has(workload.id)) {
      rows.get(workload.id).update(workload);
    } else {
      insert(workload, before);
    }
  };

  // arrange has the rows of workloads follow each other.
  const arrange = (workloads) => {
    const elements = workloads.map((w) => rows.get(w.id).element);
    if (elements.some((e, i) => i > 0 && e.previousSibling !== elements[i - 1])) {
      body.prepend(...elements); // which the focus is lost by, so it is done only if need be
    }
  };

  return {
    element,
    count: () => rows.size,

    // replace shows these workloads and no others. Rows that stay are kept, with the focus that one of them may have.
    replace(workloads) {
      const wanted = new Set(workloads.map((w) => w.id));
      [...rows.keys()].filter((id) => !wanted.has(id)).forEach(remove);
      workloads.forEach((w) => put(w, null));
      arrange(workloads);
    },

    // refresh takes over the first page, and nothing but that if whole is set. Rows that it does not have any more are gone, as far
    // down as it reaches. If it does not reach down to any of the rows, workloads between them are not known: then they are all
    // gone, and it returns true.
    refresh(workloads, whole) {
      const last = workloads.at(-1)?.id;
      if (whole || !rows.has(last)) {
        this.replace(workloads);
        return true;
      }
      const wanted = new Set(workloads.map((w) => w.id));
      const newest = created(workloads[0]);
      const first = body.firstChild;
      workloads.forEach((w) => put(w, first));
      for (let above = rows.get(last).element.previousSibling; above;) {
        const { id } = above.dataset;
        above = above.previousSibling;
        if (!wanted.has(id) && rows.get(id).created <= newest) { // a newer one has come by the watch meanwhile
          remove(id);
        }
      }
      arrange(workloads);
      rows.forEach((row) => row.grow());
      return false;
    },

    append(workloads) {
      workloads.forEach((w) => put(w, null));
    },

    // change takes over a workload that has changed, if it is in the list or newer than what is there.
    change(workload, filter, most) {
      const known = rows.has(workload.id);
      if (!matches(filter, workload)) {
        if (known) {
          remove(workload.id);
        }
        return;
      }
      const top = rows.get(body.firstChild?.dataset.id);
      if (known || !top || created(workload) > top.created) {
        put(workload, body.firstChild);
      }
      if (rows.size > most) {
        remove(body.lastChild.dataset.id);
      }
    },

    // move moves the focus by a number of rows.
    move(by) {
      const links = [...body.querySelectorAll("a")];
      const now = links.indexOf(document.activeElement);
      links[Math.max(0, Math.min(links.length - 1, now + by))]?.focus();
    },
  };
}

function createRow(workload, now) {
  const link = el("a", { class: "mono", href: `#/workloads/${encodeURIComponent(workload.id)}` }, workload.id);
  const name = el("span", { class: "text" });
  const cells = { state: el("span"), when: el("td"), labels: el("td", { class: "labels" }), what: el("td", { class: "what" }) };
  const element = el("tr", { "data-id": workload.id },
    el("th", { scope: "row" }, link, " ", name), el("td", {}, cells.state), cells.when, cells.labels, cells.what);

  // grow has the row tell how old the workload is by now.
  const grow = () => setText(cells.when, age(workload.status?.createTime, now()));

  function update(w) {
    const is = state(w);
    setText(name, printable(w.spec?.name ?? ""));
    setText(cells.state, is.toLowerCase());
    cells.state.className = `state ${is}`;
    grow();
    setText(cells.labels, printable(labels(w)));
    setText(cells.what, printable(what(w)));
  }
  update(workload);
  return { element, update, grow, created: created(workload) };
}

const created = (workload) => Date.parse(workload?.status?.createTime ?? 0);

// what says in a line what a workload waits for, or how it has ended. One that computes waits for nothing.
export function what(workload) {
  const status = workload.status ?? {};
  const op = status.waitingFor?.[0];
  const said = status.stuck || status.delay?.message || status.message;
  if (said || ended(workload)) {
    return said || endOf(status);
  }
  return op ? `${words(op.kind, "OP_KIND_")} ${op.target ?? ""}` : state(workload) === "PENDING" ? "its turn" : "";
}

const endOf = ({ reason, exitCode }) => (reason === "END_REASON_EXIT" ? `exit ${exitCode ?? 0}` : words(reason, "END_REASON_"));
