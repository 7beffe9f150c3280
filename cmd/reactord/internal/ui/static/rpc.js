// Calls of the API, in the Connect protocol with JSON.

const root = "/reactor.v1.";
const patience = 30_000; // how long a call may take that is no stream, in ms
const maxFrame = 32 << 20;

// CallError is a call that failed. Its code is one of Connect's, such as "not_found"; lost says that the daemon was not reached.
export class CallError extends Error {
  constructor(code, message, lost = false) {
    super(message);
    this.code = code;
    this.lost = lost;
  }
}

// createClient makes calls with the token that token returns; null is none.
export function createClient(token) {
  // send makes a request. Its failure is a CallError, or an AbortError if signal has ended it.
  async function send(method, type, body, signal) {
    const headers = { "Content-Type": type, "Connect-Protocol-Version": "1" };
    const given = token();
    if (given) {
      headers.Authorization = `Bearer ${given}`;
    }
    try {
      return await fetch(root + method, {
        method: "POST", body, headers, signal, credentials: "omit", cache: "no-store", redirect: "error",
      });
    } catch (error) {
      throw lost(error, signal);
    }
  }

  return {
    // call makes a call with one answer.
    async call(method, message, signal) {
      const both = AbortSignal.any([signal, AbortSignal.timeout(patience)].filter(Boolean));
      try {
        const response = await send(method, "application/json", JSON.stringify(message), both);
        if (!response.ok) {
          throw await failure(response);
        }
        return await response.json();
      } catch (error) {
        throw signal?.aborted ? error : lost(error, signal);
      }
    },

    // stream makes a call with many answers.
    async *stream(method, message, signal) {
      const response = await send(method, "application/connect+json", frame(message), signal);
      if (!response.ok) {
        throw await failure(response);
      }
      const frames = new Frames();
      const reader = response.body.getReader();
      try {
        for (;;) {
          const { done, value } = await reader.read().catch((error) => {
            throw lost(error, signal);
          });
          if (done) {
            throw new CallError("unavailable", "the connection to the daemon was lost", true);
          }
          frames.push(value);
          for (let next = frames.next(); next; next = frames.next()) {
            if (next.end) {
              if (next.message.error) {
                throw asError(next.message.error);
              }
              return;
            }
            yield next.message;
          }
        }
      } finally {
        reader.cancel().catch(() => {}); // it may have ended
      }
    },
  };
}

// lost returns the error of a request that was not answered.
function lost(error, signal) {
  if (error instanceof CallError || signal?.aborted) {
    return error;
  }
  return new CallError("unavailable", "the daemon does not answer", true);
}

// failure returns the error that a response is.
async function failure(response) {
  const text = await response.text();
  try {
    return asError(JSON.parse(text));
  } catch {
    return new CallError("unavailable", text.trim() || `the daemon answered with status ${response.status}`, response.status >= 500);
  }
}

const asError = (error) => new CallError(error.code ?? "unknown", error.message ?? error.code ?? "the call failed");

// frame puts a message into an envelope: a flag, the length in four bytes, the message.
function frame(message) {
  const text = new TextEncoder().encode(JSON.stringify(message));
  const bytes = new Uint8Array(5 + text.length);
  new DataView(bytes.buffer).setUint32(1, text.length);
  bytes.set(text, 5);
  return bytes;
}

// Frames takes messages out of envelopes that come in pieces.
export class Frames {
  #bytes = new Uint8Array(0);

  push(piece) {
    const both = new Uint8Array(this.#bytes.length + piece.length);
    both.set(this.#bytes);
    both.set(piece, this.#bytes.length);
    this.#bytes = both;
  }

  // next returns a message that has come whole, or null.
  next() {
    if (this.#bytes.length < 5) {
      return null;
    }
    const view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset);
    const length = view.getUint32(1);
    if (length > maxFrame) {
      throw new CallError("resource_exhausted", "the daemon sent a message that is too large for this page");
    }
    if (this.#bytes.length < 5 + length) {
      return null;
    }
    const text = new TextDecoder().decode(this.#bytes.subarray(5, 5 + length));
    const end = (view.getUint8(0) & 2) !== 0;
    this.#bytes = this.#bytes.subarray(5 + length);
    return { end, message: JSON.parse(text || "{}") };
  }
}
