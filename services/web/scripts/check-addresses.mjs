/**
 * Refuse built pages or a lock that name an outside address: the archive works without the internet.
 *
 * Allowed are XML namespace names, which nothing opens, and comments that carry a licence.
 */
import { existsSync, readFileSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const here = fileURLToPath(new URL('..', import.meta.url))
const built = join(here, '..', 'api', 'static', 'app')
const ADDRESS = /(?:https?|wss?):\/\/[a-z0-9[][^\s"'`<>)\\]*/gi
const PROTOCOL_RELATIVE = /(?:src|href)=["']\/\/[^"']+/gi
const NAMESPACES = /^http:\/\/www\.w3\.org\/(?:1998\/Math\/MathML|1999\/xlink|1999\/xhtml|2000\/svg|2000\/xmlns\/|XML\/1998\/namespace)$/
const LICENCE_COMMENT = /\/\*[!*][\s\S]*?(?:licen[cs]e|copyright)[\s\S]*?\*\//gi

function* files(folder) {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    if (statSync(path).isDirectory()) yield* files(path)
    else yield path
  }
}

function addressesIn(text) {
  const bare = text.replace(LICENCE_COMMENT, '')
  const named = [...bare.matchAll(ADDRESS), ...bare.matchAll(PROTOCOL_RELATIVE)].map((found) => found[0])
  return named.filter((address) => !NAMESPACES.test(address))
}

if (!existsSync(join(built, 'index.html'))) {
  console.error('nothing is built yet: run `npm run build` first')
  process.exit(2)
}
let count = 0
for (const path of [join(here, 'package-lock.json'), ...files(built)]) {
  if (!/\.(?:js|css|html|svg|json|map|txt)$/.test(path)) continue
  for (const address of addressesIn(readFileSync(path, 'utf8'))) {
    console.error(`${path}: ${address}`)
    count += 1
  }
}
console.log(count === 0 ? 'no outside address' : `${count} outside addresses`)
process.exit(count === 0 ? 0 : 1)
