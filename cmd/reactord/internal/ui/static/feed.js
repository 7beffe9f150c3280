// A list of workloads that stays up to date.

import { whileVisible } from "./connection.js";
import { forWatch, search } from "./filter.js";

const refresh = 5000; // between two readings of the first page, in ms: a watch does not tell who runs and who waits
const flood = 200; // changes of one watch between two readings, beyond which the readings have to do

// createFeed reads the first page by a filter, and then what changes, until signal is aborted or the filter turns out to be none.
export function createFeed({ client, connection, signal, filter }) {
  let watching = false;
  let seen = 0; // changes since the last reading

  // watch follows the changes from a cursor on. It ends in a flood of them, until the next reading: the page would spend its time, and
  // the daemon's, on rows that are replaced at once.
  async function watch(cursor, onChange) {
    const until = whileVisible(signal);
    watching = true;
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
    } finally {
      watching = false;
    }
  }

  return {
    // run gives parts of the first page, while it is searched for, to onPart, the pages to onPage, and what changes to onChange. An
    // error goes to onFault, with whether it is the end.
    async run({ onPart, onPage, onChange, onFault }) {
      let found = false;
      await connection.repeat(signal, refresh, async () => {
        const page = await search(client, filter, null, signal, (part) => found || onPart(part));
        onPage(page);
        found = true;
        seen = 0;
        if (!watching && page.cursor) {
          watch(page.cursor, onChange);
        }
      }, (error) => {
        const last = error.code === "invalid_argument";
        if (!error.lost) {
          onFault(error, last || error.code === "not_found");
        }
        return last;
      });
    },
  };
}
