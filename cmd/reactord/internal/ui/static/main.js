// The page: which view is shown, who is signed in, and the keys that work everywhere.

import { createClient } from "./rpc.js";
import { createConnection } from "./connection.js";
import { createSampler } from "./sampler.js";
import { adopt, setToken, token } from "./session.js";
import { showSignIn } from "./signin.js";
import { showNode } from "./node.js";
import { showNothing } from "./nothing.js";
import { showWorkloads } from "./workloads.js";
import { showWorkload } from "./workload.js";
import { number } from "./format.js";
import { setText } from "./dom.js";
import { onKeys } from "./keys.js";

const at = (id) => document.getElementById(id);
const main = at("main");
const keys = at("keys");

// The views: the pattern of an address behind "#", and what shows it.
const views = [
  [/^\/(?:node)?$/, "node", showNode],
  [/^\/workloads$/, "workloads", showWorkloads],
  [/^\/workloads\/([^/]+)$/, "workloads", showWorkload],
];

const drains = "The daemon is draining: it starts no workloads and refuses new ones. What runs goes on.";

const client = createClient(token);
let shown = new AbortController(); // of the view
let list = "#/workloads"; // the list that was shown last, with its filter
let life = null; // of the sampler; null while nobody is signed in

const connection = createConnection(at("banner"), denied);
const sampler = createSampler(client, connection);
sampler.subscribe(({ stats, node }) => {
  const { running, waiting, pending } = stats;
  setText(at("draining"), node.draining ? drains : "");
  setText(at("tally"), `${number(Number(running ?? 0) + Number(waiting ?? 0))} live, ${number(pending)} queued`);
});

// denied asks for a token, since the daemon wants one or another one.
function denied(error) {
  const why = token() === null ? "" : error.message; // without a token there is nothing to explain
  stop();
  setToken(null);
  at("nav").hidden = at("leave").hidden = true;
  setText(at("tally"), "");
  setText(at("draining"), "");
  showSignIn(main, why, (given) => {
    setToken(given);
    start();
  });
}

function stop() {
  shown.abort();
  life?.abort();
  life = null;
}

function start() {
  life = new AbortController();
  at("nav").hidden = false;
  at("leave").hidden = token() === null;
  sampler.run(life.signal);
  show();
}

// show shows what the address says.
function show() {
  if (!life) {
    return;
  }
  shown.abort();
  shown = new AbortController();
  const [path, query] = location.hash.slice(1).split("?");
  const found = views.map(([pattern, name, view]) => [pattern.exec(path || "/"), name, view]).find(([match]) => match);
  const [match, name, view] = found ?? [[], "", showNothing];
  for (const link of at("nav").children) {
    if (link.dataset.view === name) {
      link.setAttribute("aria-current", "page");
    } else {
      link.removeAttribute("aria-current");
    }
  }
  view(main, {
    client, connection, sampler, signal: shown.signal, parameter: decode(match[1] ?? path), query: new URLSearchParams(query),
    onList: (address) => { list = address; },
    back: () => { location.hash = list; },
  });
}

// decode takes a part out of an address; one that cannot be decoded is what it says.
function decode(part) {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}

addEventListener("hashchange", () => {
  adopt();
  show();
  main.focus({ preventScroll: true });
  scrollTo(0, 0);
});
at("skip").addEventListener("click", (event) => { // the part behind "#" is the view's
  event.preventDefault();
  main.focus();
});
at("help").addEventListener("click", () => keys.showModal());
at("leave").addEventListener("click", () => denied(new Error("You have signed out.")));

onKeys({
  "?": () => keys.showModal(),
  n: () => { location.hash = "#/node"; },
  w: () => { location.hash = "#/workloads"; },
});

adopt();
start();
