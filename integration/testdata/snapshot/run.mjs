// Calls an export of a module in Node: run.mjs FILE EXPORT [NUMBER...], or run.mjs --check.
import { WASI } from "node:wasi";
import { readFileSync } from "node:fs";

const [file, name, ...args] = process.argv.slice(2);
if (file !== "--check") {
  const wasi = new WASI({ version: "preview1" });
  const module = await WebAssembly.compile(readFileSync(file));
  const instance = await WebAssembly.instantiate(module, wasi.getImportObject());
  wasi.initialize(instance); // it finds the memory; a snapshot has no _initialize
  const result = instance.exports[name](...args.map(Number));
  if (result !== undefined) console.log(result);
}
