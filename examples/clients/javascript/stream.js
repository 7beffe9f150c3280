// Calls a function that takes or returns streams and futures, and prints what it returns as it comes.
//
//     node stream.js [--first N] COMPONENT.wasm FUNCTION [ARG...] < INPUT
//
// Each ARG is JSON: for a stream a list of its items, for a future its value; - is a stream<u8> of the standard input. The bytes of
// a stream are written as they are, and other items one a line, as JSON. --first N cancels the call after N items.

import { readFile } from 'node:fs/promises'

import { fromValue, toValue } from './call.js'
import { detail } from './errors.js'
import { Client } from './run.js'

const WINDOW_BYTES = 64 << 10
const WINDOW_ITEMS = 1024

/** One call. Async iterables are its streams, and promises its futures, both as arguments and in what it returns. */
class Call {
  constructor(workloads, metadata, types) {
    this.types = types
    this.stream = workloads.Call(metadata)
    this.channels = new Map() // of the component
    this.sources = new Map() // ours
    this.named = [] // streams and futures of the message that is sent next
    this.numbers = 0
    this.result = new Promise((resolve) => { this.returned = resolve })
    this.ended = this.receive().finally(() => {
      this.returned() // unless it has: the guest has failed before it returned, or the call
      for (const channel of this.channels.values()) channel.take(null)
      for (const source of this.sources.values()) source.stop()
      this.stream.end()
    })
  }

  /** Opens the call. The streams of the arguments are sent meanwhile. */
  begin(module, { export: name, params }, args) {
    const call = { export: name, args: args.map((arg, i) => this.value(params[i].type, arg)) }
    this.send({ open: { spec: { module, call } } })
  }

  send(part) {
    this.stream.write(part)
    for (const source of this.named.splice(0)) {
      this.sources.set(source.number, source)
      source.send().catch((error) => this.stream.destroy(error))
    }
  }

  /** Receives what comes, and returns how the guest has ended. */
  async receive() {
    let status
    for await (const { part, ...response } of this.stream) {
      const { channel, ...message } = response[part]
      if (part === 'result') this.returned(message.value ? this.native(message.value) : null)
      else if (part === 'items' || part === 'future') this.channel(channel).take(message)
      else if (part === 'window') this.sources.get(channel).grant(message.bytes)
      else if (part === 'stop') this.sources.get(channel).stop()
      else status = message.status
    }
    return status
  }

  /** Asks the guest to end. After a second it is ended. */
  cancel() {
    this.send({ cancel: {} })
  }

  channel(number) {
    if (!this.channels.has(number)) this.channels.set(number, new Channel(this, number))
    return this.channels.get(number)
  }

  /** Returns the message for a value; a stream or future is a channel. */
  value(index, native) {
    return toValue(this.types, index, native, (type, native) => {
      const source = new Source(this, type, ++this.numbers, native)
      this.named.push(source)
      return source.number
    })
  }

  native(message) {
    return fromValue(message, (number) => this.channel(number))
  }
}

/** A stream or future of ours, which the component reads. */
class Source {
  constructor(call, type, number, native) {
    Object.assign(this, { call, type, number, native, room: WINDOW_BYTES, stopped: false, wake: () => {} })
  }

  grant(bytes) {
    this.room += bytes
    this.wake()
  }

  stop() {
    this.stopped = true
    this.wake()
  }

  granted() {
    return new Promise((resolve) => { this.wake = resolve })
  }

  async send() {
    const { call, number, type } = this
    if (type.kind === 'future') {
      call.send({ future: { channel: number, value: call.value(type.element, await this.native) } })
      return
    }
    for await (let item of this.native) {
      if (item instanceof Uint8Array) {
        while (item.length > 0 && !this.stopped) {
          if (this.room === 0) await this.granted()
          const bytes = item.subarray(0, this.room)
          item = item.subarray(bytes.length)
          this.room -= bytes.length
          call.send({ items: { channel: number, bytes } })
        }
      } else { // who does not count bytes sends an item, and waits for its window
        const granted = this.granted()
        call.send({ items: { channel: number, values: [call.value(type.element, item)] } })
        if (!this.stopped) await granted
      }
      if (this.stopped) return
    }
    call.send({ items: { channel: number, end: true } })
  }
}

/** A stream or future of the component: for await gives the items of a stream, await value() the value of a future. */
class Channel {
  constructor(call, number) {
    Object.assign(this, { call, number, queue: [], wake: () => {} })
  }

  take(message) {
    this.queue.push(message)
    this.wake()
  }

  async next() {
    if (this.queue.length === 0) await new Promise((resolve) => { this.wake = resolve })
    return this.queue.shift()
  }

  async *[Symbol.asyncIterator]() {
    for (let message; (message = await this.next()); ) {
      if (message.bytes.length > 0) yield message.bytes
      for (const value of message.values) yield this.call.native(value)
      if (message.end) return
      if (this.queue.length === 0) { // all was taken, so a whole window is free
        this.call.send({ window: { channel: this.number, items: WINDOW_ITEMS, bytes: WINDOW_BYTES } })
      }
    }
  }

  async value() {
    const message = await this.next()
    if (!message?.value) throw new Error('the future has no value')
    return this.call.native(message.value)
  }
}

/** Returns the value of an argument of the command line. */
function argument(kind, text) {
  if (text === '-') return process.stdin
  const value = JSON.parse(text)
  if (kind === 'future') return Promise.resolve(value)
  return kind === 'stream' ? (async function* () { yield* value })() : value
}

/** Prints what a function has returned, and returns whether there may be more. */
async function show(kind, value, first) {
  if (kind !== 'stream') {
    console.log(JSON.stringify(kind === 'future' ? await value.value() : value))
    return false
  }
  let count = 0
  for await (const item of value) {
    const text = item instanceof Uint8Array ? item : `${JSON.stringify(item)}\n`
    await new Promise((done) => process.stdout.write(text, done))
    if (++count === first) return true
  }
  return false
}

async function main(words) {
  const first = words[0] === '--first' ? Number(words.splice(0, 2)[1]) : undefined
  const [file, name, ...texts] = words
  const { REACTORD_ADDR, REACTORD_TOKEN, REACTORCTL_TLS_CA } = process.env
  if (!name || !REACTORD_ADDR) throw new Error('usage: REACTORD_ADDR=ADDRESS node stream.js [--first N] COMPONENT.wasm FUNCTION [ARG...]')
  const client = new Client(REACTORD_ADDR, REACTORD_TOKEN, REACTORCTL_TLS_CA && (await readFile(REACTORCTL_TLS_CA)))
  const { module } = await client.call(client.modules, 'UploadModule', { content: await readFile(file) })
  const { functions, types } = await client.call(client.modules, 'DescribeModule', { module: module.digest })
  const f = functions.find((f) => f.export === name || f.export.endsWith(`#${name}`))
  if (f?.params.length !== texts.length) throw new Error(`there is no function ${name} with ${texts.length} arguments`)
  const call = new Call(client.workloads, client.metadata, types)
  call.begin(module.digest, f, texts.map((text, i) => argument(types[f.params[i].type].kind, text)))
  const result = await call.result
  if (result !== undefined && (await show(types[f.result]?.kind, result, first))) {
    call.cancel()
    await call.ended
    return 0
  }
  const status = await call.ended
  if (status.exit_code === undefined) {
    console.error(status.message)
    return 1
  }
  return 0
}

const status = await main(process.argv.slice(2)).catch((error) => {
  const reason = detail(error, 'ErrorInfo')?.reason
  console.error(reason ? `${reason}: ${error.details}` : error.message)
  return 125
})
process.exit(status) // the standard input may be open
