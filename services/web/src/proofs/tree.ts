/**
 * Check the log's proofs in the browser. Sources: RFC 6962 section 2.1 (hashes), RFC 9162 sections 2.1.3.2 and 2.1.4.2
 * (checks). Sizes stay below 2^53, where JavaScript counts exactly.
 */

import { joined, Refused, same } from './bytes'
import { sha256 } from './sha'

const LEAF = Uint8Array.of(0)
const NODE = Uint8Array.of(1)

export const leafHash = (entry: Uint8Array): Uint8Array => sha256(joined(LEAF, entry))
export const nodeHash = (left: Uint8Array, right: Uint8Array): Uint8Array => sha256(joined(NODE, left, right))

/** The root over leaf hashes in order: an odd last node rises unchanged. */
export function rootOf(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return sha256(new Uint8Array())
  let level = [...leaves]
  while (level.length > 1) {
    const above: Uint8Array[] = []
    for (let at = 0; at + 1 < level.length; at += 2) above.push(nodeHash(level[at]!, level[at + 1]!))
    if (level.length % 2) above.push(level[level.length - 1]!)
    level = above
  }
  return level[0]!
}

/** Check that a leaf (its hash) stands at `index` in the tree of `size` leaves with this root. Raises `Refused`. */
export function checkInclusion(leaf: Uint8Array, index: number, size: number, path: readonly Uint8Array[], root: Uint8Array): void {
  requireHashes(leaf, root, ...path)
  if (!Number.isSafeInteger(index) || !Number.isSafeInteger(size) || index < 0 || index >= size) throw new Refused(`a tree of ${size} leaves has no leaf ${index}`)
  const place: Place = { at: index, last: size - 1 }
  let found = leaf
  for (const step of path) {
    if (place.last === 0) throw new Refused(`the proof of leaf ${index} of ${size} is too long`)
    const isRight = place.at % 2 === 1 || place.at === place.last
    found = isRight ? nodeHash(step, found) : nodeHash(found, step)
    rise(place, isRight)
  }
  if (place.last !== 0) throw new Refused(`the proof of leaf ${index} of ${size} is too short`)
  if (!same(found, root)) throw new Refused(`leaf ${index} leads to another root`)
}

/** Check that the tree with `newRoot` begins with all leaves of the one with `oldRoot`. Raises `Refused`. */
export function checkConsistency(old: number, oldRoot: Uint8Array, size: number, newRoot: Uint8Array, path: readonly Uint8Array[]): void {
  requireHashes(oldRoot, newRoot, ...path)
  if (!Number.isSafeInteger(old) || !Number.isSafeInteger(size) || old < 1 || old > size) throw new Refused(`a tree of ${size} leaves cannot extend one of ${old}`)
  if (old === size) {
    if (path.length > 0 || !same(oldRoot, newRoot)) throw new Refused(`two trees of ${old} leaves have different roots`)
    return
  }
  const [first, ...steps] = isPowerOfTwo(old) ? [oldRoot, ...path] : path
  if (!first) throw new Refused(`the proof from ${old} to ${size} is too short`)
  const place: Place = { at: old - 1, last: size - 1 }
  while (place.at % 2 === 1) halve(place)
  let was = first
  let now = first
  for (const step of steps) {
    if (place.last === 0) throw new Refused(`the proof from ${old} to ${size} is too long`)
    const isRight = place.at % 2 === 1 || place.at === place.last
    if (isRight) was = nodeHash(step, was)
    now = isRight ? nodeHash(step, now) : nodeHash(now, step)
    rise(place, isRight)
  }
  if (place.last !== 0) throw new Refused(`the proof from ${old} to ${size} is too short`)
  if (!same(was, oldRoot) || !same(now, newRoot)) throw new Refused(`the tree of ${size} leaves does not begin with the one of ${old}`)
}

interface Place {
  at: number
  last: number
}

/** Go up one level, past those where a right edge has no sibling. */
function rise(place: Place, isRight: boolean): void {
  while (isRight && place.at !== 0 && place.at % 2 === 0) halve(place)
  halve(place)
}

function halve(place: Place): void {
  place.at = Math.floor(place.at / 2)
  place.last = Math.floor(place.last / 2)
}

const isPowerOfTwo = (number: number): boolean => Number.isInteger(Math.log2(number)) && 2 ** Math.log2(number) === number

function requireHashes(...hashes: readonly Uint8Array[]): void {
  const wrong = hashes.find((one) => one.length !== 32)
  if (wrong) throw new Refused(`a hash has 32 bytes, not ${wrong.length}`)
}
