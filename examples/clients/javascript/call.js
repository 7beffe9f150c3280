// Calls a function that a component exports, and prints what it returns as JSON.
//
//     node call.js COMPONENT.wasm FUNCTION [ARG...]
//
// Each ARG is JSON. Variants, results and options with a value are objects with one key, such as {"line": ...}, {"ok": ...}
// and {"some": ...}; enums and cases without a value are strings. REACTORD_ADDR and the others are as for run.js.

import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'

import { detail } from './errors.js'
import { Client } from './run.js'

/** Calls functions of components on one daemon. */
class Caller extends Client {
  /** Calls a function, and returns what it returns and the status of the ended workload. */
  async callFunction(content, name, args) {
    const { module } = await this.call(this.modules, 'UploadModule', { content })
    const { functions, types } = await this.call(this.modules, 'DescribeModule', { module: module.digest })
    const f = functions.find((f) => f.export === name || f.export.endsWith(`#${name}`))
    if (!f) throw new Error(`there is no function ${name}: ${functions.map((f) => f.export).join(', ')}`)
    if (args.length !== f.params.length) throw new Error(`${name} takes ${f.params.length} arguments, not ${args.length}`)
    const call = { export: f.export, args: args.map((arg, i) => toValue(types, f.params[i].type, arg)) }
    // The call is a workload. Under an id of our own it can be submitted again: the function is called once.
    const id = `call-${randomUUID()}`
    await this.call(this.workloads, 'SubmitWorkload', { id, spec: { module: module.digest, call } })
    const { workload } = await this.call(this.workloads, 'WaitWorkload', { id })
    return workload.status
  }
}

/** Returns the message for a value of JavaScript, which is of a type. open numbers a stream or future. */
export function toValue(types, index, native, open) {
  const t = types[index]
  switch (t.kind) {
    case 'stream': case 'future':
      return { channel: open(t, native) }
    case 'bool':
      return { bool: native }
    case 'u8': case 'u16': case 'u32': case 'u64':
      return { uint: native }
    case 's8': case 's16': case 's32': case 's64':
      return { int: native }
    case 'f32': case 'f64':
      return { f64: native }
    case 'string': case 'char':
      return { text: native }
    case 'list':
      return { list: { items: native.map((item) => toValue(types, t.element, item, open)) } }
    case 'tuple':
      return { tuple: { items: native.map((item, i) => toValue(types, t.fields[i].type, item, open)) } }
    case 'record': {
      const given = t.fields.filter((f) => f.name in native)
      return { record: { fields: Object.fromEntries(given.map((f) => [f.name, toValue(types, f.type, native[f.name], open)])) } }
    }
    case 'flags':
      return { flags: { labels: native } }
    case 'map':
      return { map: { entries: native.map(([k, v]) => ({ key: toValue(types, t.key, k, open), value: toValue(types, t.element, v, open) })) } }
    default: { // a variant, an enum, an option or a result
      const [name, payload] = typeof native === 'string' ? [native] : Object.entries(native)[0]
      const type = t.cases.find((c) => c.name === name)?.type
      return { variant: { case: name, value: type === undefined ? undefined : toValue(types, type, payload, open) } }
    }
  }
}

/** Returns the value of JavaScript for a message. channel returns that of a number. */
export function fromValue(message, channel) {
  const part = message[message.kind]
  const inner = (message) => fromValue(message, channel)
  switch (message.kind) {
    case 'list': case 'tuple':
      return part.items.map(inner)
    case 'record':
      return Object.fromEntries(Object.keys(part.fields).sort().map((name) => [name, inner(part.fields[name])]))
    case 'variant':
      return part.value ? { [part.case]: inner(part.value) } : part.case
    case 'flags':
      return part.labels
    case 'map':
      return part.entries.map(({ key, value }) => [inner(key), inner(value)])
    case 'bytes':
      return [...part]
    case 'channel':
      return channel(part)
    default:
      return part
  }
}

async function main([file, name, ...args]) {
  const { REACTORD_ADDR, REACTORD_TOKEN, REACTORCTL_TLS_CA } = process.env
  if (!name || !REACTORD_ADDR) throw new Error('usage: REACTORD_ADDR=ADDRESS node call.js COMPONENT.wasm FUNCTION [ARG...]')
  const caller = new Caller(REACTORD_ADDR, REACTORD_TOKEN, REACTORCTL_TLS_CA && (await readFile(REACTORCTL_TLS_CA)))
  const status = await caller.callFunction(await readFile(file), name, args.map((arg) => JSON.parse(arg)))
  if (status.exit_code === undefined) {
    console.error(status.message)
    return 1
  }
  console.log(JSON.stringify(status.result ? fromValue(status.result) : null))
  return 0
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  process.exitCode = await main(process.argv.slice(2)).catch((error) => {
    for (const fault of detail(error, 'BadRequest')?.fieldViolations ?? []) console.error(`${fault.field}: ${fault.description}`)
    const reason = detail(error, 'ErrorInfo')?.reason
    console.error(reason ? `${reason}: ${error.details}` : error.message)
    return 125
  })
}
