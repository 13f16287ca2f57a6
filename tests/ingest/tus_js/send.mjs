// Send one file with tus-js-client, as the pages do. The wish comes as JSON on standard input, what happened goes
// as JSON to standard output.
import { createReadStream, readFileSync, statSync } from 'node:fs'
import { createRequire } from 'node:module'

const wish = JSON.parse(readFileSync(0, 'utf8'))
const tus = createRequire(wish.package)('tus-js-client')
const asked = []

function tell(ending) {
  process.stdout.write(JSON.stringify({ ending, url: upload.url, asked }))
}

const upload = new tus.Upload(createReadStream(wish.file), {
  endpoint: wish.endpoint,
  uploadUrl: wish.url ?? null,
  uploadSize: statSync(wish.file).size,
  chunkSize: wish.chunkSize ?? Infinity,
  retryDelays: wish.retry ? [0, 200, 1000, 3000] : null,
  metadata: wish.metadata,
  headers: { Authorization: `Bearer ${wish.token}` },
  onBeforeRequest: (request) => {
    asked.push({ method: request.getMethod(), offset: Number(request.getHeader('Upload-Offset') ?? -1), status: null })
  },
  onAfterResponse: (_request, response) => {
    asked.at(-1).status = response.getStatus()
  },
  onChunkComplete: (_size, accepted) => {
    if (wish.stopAt === undefined || accepted < wish.stopAt) return
    void upload.abort().then(() => {
      tell('aborted')
      process.exit(0)
    })
  },
  onError: (error) => {
    tell(String(error))
    process.exit(1)
  },
  onSuccess: () => tell('sent'),
})
upload.start()
