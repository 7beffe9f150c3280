// What the text of the filter means, and the lists that it selects.

import { ended, printable, state } from "./format.js";

const pageSize = 100;
const mostPages = 40; // that are read for one view, if few of the workloads match

// parse reads a filter: words that must all hold. Labels are as in selectors, module:NAME is a module, and one word of another kind
// is the id of a workload.
export function parse(text, chosen) {
  const filter = { labels: "", module: "", state: chosen, id: "" };
  const labels = [];
  // "app in (web, api)" is one requirement
  for (const word of text.trim().match(/[^\s,()]+\s+(?:not)?in\s*\([^)]*\)|[^\s,]+/g) ?? []) {
    if (word.startsWith("module:")) {
      filter.module = word.slice("module:".length);
    } else if (/[=!(]/.test(word)) {
      labels.push(word);
    } else {
      filter.id = word;
    }
  }
  filter.labels = labels.join(",");
  return filter;
}

// toRequest is a filter as the API has it.
const toRequest = (filter) => ({
  labelSelector: filter.labels,
  module: filter.module,
  states: filter.state ? [`WORKLOAD_STATE_${filter.state}`] : [],
});

// forWatch is a filter for a watch. It has no states: a workload that is no longer in one of them is not sent by it.
export const forWatch = (filter) => ({ ...toRequest(filter), states: [] });

// matches reports whether a workload that a watch sent is in the filter's state. RUNNING and WAITING alternate unseen.
export function matches(filter, workload) {
  const live = ["RUNNING", "WAITING"];
  const is = state(workload);
  return !filter.state || is === filter.state || (live.includes(filter.state) && live.includes(is) && !ended(workload));
}

// search reads a page of workloads after token, or the first one. It reads on while there are few, and tells onPart what there is.
// The result has the workloads, the token of the rest or null, the cursor for a watch, and as none why there are no workloads, if that is
// known.
export async function search(client, filter, token, signal, onPart = () => {}) {
  if (filter.id) {
    return one(client, filter, signal);
  }
  const found = { workloads: [], rest: token, cursor: "" };
  for (let pages = 0; pages < mostPages; pages++) {
    const answer = await client.call("WorkloadService/ListWorkloads", {
      filter: toRequest(filter), pageSize, pageToken: found.rest ?? "",
    }, signal);
    found.workloads.push(...(answer.workloads ?? []));
    found.rest = answer.nextPageToken || null;
    found.cursor ||= answer.cursor ?? "";
    if (found.rest === null || found.workloads.length >= pageSize) {
      break;
    }
    onPart(found);
  }
  return found;
}

// faultOf says what is wrong with a filter, by the error of a search.
export const faultOf = (filter, error) => (error.code === "not_found" && filter.module
  ? `no module has the tag ${printable(filter.module)}, or a digest that begins so; module: takes no other names`
  : error.message);

// one is a page with the workload of an id, or one without workloads that says so.
async function one(client, filter, signal) {
  try {
    const { workload } = await client.call("WorkloadService/GetWorkload", { id: filter.id }, signal);
    return { workloads: [workload], rest: null, cursor: "" };
  } catch (error) {
    if (error.code === "not_found" || error.code === "invalid_argument") {
      return { workloads: [], rest: null, cursor: "", none: `no workload has the id ${printable(filter.id)}; labels are app=web` };
    }
    throw error;
  }
}
