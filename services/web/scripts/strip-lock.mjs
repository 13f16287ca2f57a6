/**
 * Take every address out of package-lock.json, so that the lock names packages and digests only.
 *
 * npm leaves out registry addresses by itself (.npmrc), but copies each package's funding page.
 * `npm ci` reads neither.
 */
import { readFileSync, writeFileSync } from 'node:fs'

const path = new URL('../package-lock.json', import.meta.url)
const lock = JSON.parse(readFileSync(path, 'utf8'))
for (const entry of Object.values(lock.packages)) {
  delete entry.funding
  delete entry.resolved
}
writeFileSync(path, JSON.stringify(lock, null, 2) + '\n')
