// A list of workloads that stays up to date.

import { whileVisible } from "./connection.js";
import { forWatch, search } from "./filter.js";

const refresh = 5000; // between two readings of the first page, in ms: a watch does not tell who runs and who waits
const flood = 200; // changes of one watch between two readings, beyond which the readings have to do

// createFeed reads the first page by a filter, and then what changes, until signal is aborted.
export function createFeed({ client, connection, signal, filter }) {
  // watch follows the changes from a cursor on. It ends at the next reading, or in a flood of changes: the page would spend its time,
  // and the daemon's, on rows that are replaced at once.
  async function watch(cursor, until, onChange) {
    let seen = 0;
    try {
      for await (const answer of client.stream("WorkloadService/WatchWorkloads", { filter: forWatch(filter), cursor }, until)) {
        if (answer.workload) {
          onChange(answer.workload);
          seen++;
        }
        if (seen > flood) {
          return;
        }
      }
    } catch (error) {
      if (!until.aborted && error.code === "unauthenticated") {
        connection.failed(error);
      } // anything else shows at the next reading
    }
  }

  return {
    async run({ onPage, onRefresh, onChange, onFault }) {
      let first = true;
      let watching = new AbortController();
      let watched = ""; // the cursor from which there is a watch; empty if there is none
      signal.addEventListener("abort", () => watching.abort());
      await connection.repeat(signal, refresh, async () => {
        const page = await search(client, filter, null, signal, (part) => first && onPage({ ...part, examining: true }));
        if (first) {
          onPage({ ...page, examining: false });
          first = false;
        } else {
          onRefresh(page);
        }
        if (!watched && page.cursor) {
          watched = page.cursor;
          watching = new AbortController();
          watch(page.cursor, whileVisible(AbortSignal.any([signal, watching.signal])), onChange).finally(() => {
            watched = "";
          });
        }
      }, (error) => {
        if (!error.lost) {
          onFault(error);
        }
        return error.code === "invalid_argument";
      });
    },
  };
}
