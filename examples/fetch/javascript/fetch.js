// A service of wasi:http that fetches, and serves what it fetched.
addEventListener('fetch', (event) => event.respondWith(handle(new URL(event.request.url))))

async function handle(url) {
  const from = url.search.slice(1)
  switch (url.pathname) {
    case '/ten': {
      const urls = Array.from({ length: 10 }, (_, i) => `${from}/${i + 1}`)
      const bodies = await Promise.all(urls.map(async (url) => (await fetch(url)).text()))
      return new Response(bodies.join(''))
    }
    case '/stream': {
      const response = await fetch(from)
      return new Response(response.body, response) // the body comes as it arrives
    }
    default:
      return new Response('/ten?BASE, /stream?URL\n', { status: 404 })
  }
}
