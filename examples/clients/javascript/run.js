// Runs a module on reactord, passes its output on, and exits with its status.
//
//     node run.js GUEST.wasm [ARG...] < INPUT
//
// REACTORD_ADDR names the daemon: unix:/path/to/reactord.sock, or HOST:PORT with its token in REACTORD_TOKEN and, for TLS,
// the file with the authority of its certificate in REACTORCTL_TLS_CA.

import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { buffer } from 'node:stream/consumers'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

import grpc from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'

import { detail } from './errors.js'

const protos = loadSync(['reactor/v1/module.proto', 'reactor/v1/workload.proto'], {
  includeDirs: [fileURLToPath(new URL('../../../proto', import.meta.url))],
  keepCase: true,
  longs: Number,
  enums: String,
  defaults: true,
  oneofs: true,
})
const { ModuleService, WorkloadService } = grpc.loadPackageDefinition(protos).reactor.v1

const ATTEMPTS = 30

/** Runs modules on one daemon. */
export class Client {
  constructor(address, token, authority) {
    const { createInsecure, createSsl } = grpc.credentials
    const credentials = authority ? createSsl(authority) : createInsecure()
    this.metadata = new grpc.Metadata()
    if (token) this.metadata.set('authorization', `Bearer ${token}`)
    this.modules = new ModuleService(address, credentials)
    this.workloads = new WorkloadService(address, credentials)
  }

  /** Runs a module and returns the status of the ended workload. */
  async run(content, args, stdin) {
    const { module } = await this.call(this.modules, 'UploadModule', { content })
    // Under an id of our own the submission can be repeated: it creates one workload.
    const id = `run-${randomUUID()}`
    await this.call(this.workloads, 'SubmitWorkload', { id, spec: { module: module.digest, args, stdin } })
    await this.follow(id)
    const { workload } = await this.call(this.workloads, 'WaitWorkload', { id })
    return workload.status
  }

  /** Passes the workload's output on until it has ended. */
  async follow(id) {
    let seen = {} // where to go on after a lost connection
    await retrying(async () => {
      for await (const run of this.workloads.ReadLogs({ id, follow: true, ...seen }, this.metadata)) {
        const stream = run.stream === 'OUTPUT_STREAM_STDERR' ? process.stderr : process.stdout
        await new Promise((done) => stream.write(run.data, done))
        if (run.data.length > 0) {
          seen = { offset: run.offset + run.data.length, attempt: run.attempt, attempt_start_us: run.attempt_start_us }
        }
      }
    })
  }

  /** Makes a call with one answer. */
  call(client, method, request) {
    const invoke = promisify(client[method]).bind(client)
    return retrying(() => invoke(request, this.metadata))
  }
}

/** Calls until that succeeds, or fails with an error that trying again can't help. */
async function retrying(call) {
  for (let attempt = 1; ; attempt++) {
    try {
      return await call()
    } catch (error) {
      const retry = detail(error, 'RetryInfo')
      const again = retry || error.code === grpc.status.UNAVAILABLE // there is no connection
      if (!again || attempt === ATTEMPTS) throw error
      await sleep(retry ? retry.retryDelay.seconds * 1000 + retry.retryDelay.nanos / 1e6 : 1000)
    }
  }
}

async function main([file, ...args]) {
  const { REACTORD_ADDR, REACTORD_TOKEN, REACTORCTL_TLS_CA } = process.env
  if (!file || !REACTORD_ADDR) throw new Error('usage: REACTORD_ADDR=ADDRESS node run.js GUEST.wasm [ARG...] < INPUT')
  const client = new Client(REACTORD_ADDR, REACTORD_TOKEN, REACTORCTL_TLS_CA && (await readFile(REACTORCTL_TLS_CA)))
  const status = await client.run(await readFile(file), args, await buffer(process.stdin))
  if (status.exit_code === undefined) console.error(status.message)
  return status.exit_code ?? 1
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  try {
    process.exitCode = await main(process.argv.slice(2))
  } catch (error) {
    console.error(`${detail(error, 'ErrorInfo')?.reason ?? error.code ?? error.name}: ${error.details ?? error.message}`)
    process.exitCode = 125
  }
}
