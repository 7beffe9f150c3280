// drive calls the functions of the component, and tells each thing that it does and gets, in order. main.go does the same over
// the API of reactord, and trace.jsonl has what both have to tell.
export async function drive({ greet, words, within }, tell) {
  tell('call', ['greet', 'Ada'])
  tell('returned', await greet('Ada'))
  tell('call', ['greet', ''])
  await greet('').catch((error) => tell('failed', error.payload))

  // A text in two chunks, and its words as they become whole.
  let text = open(tell)
  let [found, summary] = await words(text.stream)
  await text.send('one two th')
  await receive(found, 2, tell)
  await text.send('ree')
  await text.end()
  await receive(found, 2, tell)
  tell('summary', await summary)

  // Nobody wants the words any more: the component learns it when it has the next, and wants no more of the text.
  text = open(tell)
  ;[found, summary] = await words(text.stream)
  await text.send('one ')
  await receive(found, 1, tell)
  tell('stop', 'words')
  await found.return()
  await text.send('two ')
  await text.stopped()
  tell('summary', await summary)

  // An answer in time, so that the component cancels its timer; and none, so that it cancels its read.
  tell('call', ['within', 60_000, 'answer'])
  const answer = Promise.withResolvers()
  const outcome = within(60_000, answer.promise)
  tell('answer', '42')
  answer.resolve('42')
  tell('returned', variant(await outcome))
  tell('call', ['within', 10, 'answer'])
  tell('returned', variant(await within(10, new Promise(() => {}))))
}

// open tells of a call of words, and returns the stream that it takes, with what is done to it.
function open(tell) {
  tell('call', ['words', 'text'])
  const { readable, writable } = new TransformStream()
  const writer = writable.getWriter()
  return {
    stream: readable,
    send(chunk) {
      tell('send', chunk)
      return writer.write(new TextEncoder().encode(chunk))
    },
    end() {
      tell('end', 'text')
      return writer.close()
    },
    stopped: () => writer.closed.catch(() => tell('stopped', 'text')),
  }
}

// receive tells the next words of a stream, or its end.
async function receive(words, count, tell) {
  for (let i = 0; i < count; i++) {
    const { value, done } = await words.next()
    if (done) return tell('ended', 'words')
    tell('word', value)
  }
}

const variant = ({ tag, val }) => (val === undefined ? tag : { [tag]: val })

// line is what is told as a line of JSON. The component's 64-bit numbers are small.
export const line = (what, value) => JSON.stringify({ [what]: value }, (_, v) => (typeof v === 'bigint' ? Number(v) : v))
