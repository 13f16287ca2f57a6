/**
 * Let the verifier of npm's provenance judge heads and inclusion proofs of ours.
 *
 * Reads one JSON object a line: base64 of `key` (Ed25519, 32 bytes), `id` (4 bytes), `entry`, `hashes`; `index`,
 * `origin`, `note`. Writes one line for each: `true`, or `false` where it refuses.
 */
import { createPublicKey } from 'node:crypto'
import { createRequire } from 'node:module'
import { createInterface } from 'node:readline'

const require = createRequire(import.meta.url)
const { verifyCheckpoint } = require('@sigstore/verify/dist/tlog/checkpoint.js')
const { verifyMerkleInclusion } = require('@sigstore/verify/dist/tlog/merkle.js')
const { VerificationError } = require('@sigstore/verify')

const bytes = (text) => Buffer.from(text, 'base64')
const ED25519 = Buffer.from('302a300506032b6570032100', 'hex')

function judge(told) {
  const publicKey = createPublicKey({ key: Buffer.concat([ED25519, bytes(told.key)]), format: 'der', type: 'spki' })
  const entry = {
    canonicalizedBody: bytes(told.entry),
    inclusionProof: {
      logIndex: String(told.index),
      hashes: told.hashes.map(bytes),
      checkpoint: { envelope: told.note },
    },
  }
  try {
    const log = { logID: bytes(told.id), baseURL: told.origin, publicKey }
    verifyMerkleInclusion(entry, verifyCheckpoint(entry, [log]))
    return true
  } catch (error) {
    if (error instanceof VerificationError) return false
    throw error
  }
}

for await (const line of createInterface({ input: process.stdin })) console.log(judge(JSON.parse(line)))
