/** Check the draw's number: ECVRF-EDWARDS25519-SHA512-TAI. Source: RFC 9381 sections 5.3 to 5.5, suite 0x03. */

import { joined, littleEndian, Refused, same } from './bytes'
import { BASE, bytesOf, isNeutral, negative, ORDER, pointOf, sum, times, type Point } from './curve'
import { sha512 } from './sha'

const SUITE = 3

/** Check a proof of 80 bytes and give its result of 64. Raises `Refused`. */
export function checkVrf(key: Uint8Array, alpha: Uint8Array, proof: Uint8Array): Uint8Array {
  const owner = primePoint(key, 'the key of the draw')
  if (proof.length !== 80) throw new Refused(`a proof of the draw's key has 80 bytes, not ${proof.length}`)
  const gamma = primePoint(proof.slice(0, 32), 'the point of the proof')
  const challenge = proof.slice(32, 48)
  const c = littleEndian(challenge)
  const s = littleEndian(proof.slice(48))
  if (s >= ORDER) throw new Refused('the answer of the proof is too great')
  const point = onCurve(key, alpha)
  const ours = sum(times(s, BASE), negative(times(c, owner)))
  const theirs = sum(times(s, point), negative(times(c, gamma)))
  const told = sha512(joined(Uint8Array.of(SUITE, 2), key, bytesOf(point), proof.slice(0, 32), bytesOf(ours), bytesOf(theirs), Uint8Array.of(0)))
  if (!same(told.slice(0, 16), challenge)) throw new Refused('the proof is not one of this key for this input')
  return sha512(joined(Uint8Array.of(SUITE, 3), bytesOf(times(8n, gamma)), Uint8Array.of(0)))
}

/** Find the input's point by trying. Source: RFC 9381 section 5.4.1.1. */
function onCurve(key: Uint8Array, alpha: Uint8Array): Point {
  for (let counter = 0; counter < 256; counter++) {
    const tried = sha512(joined(Uint8Array.of(SUITE, 1), key, alpha, Uint8Array.of(counter, 0))).slice(0, 32)
    const found = pointOf(tried)
    const point = found && times(8n, found)
    if (point && !isNeutral(point)) return point
  }
  throw new Refused('no point was found for this input')
}

/** Read a point of the prime subgroup, other than the neutral one. */
function primePoint(bytes: Uint8Array, what: string): Point {
  const point = pointOf(bytes)
  if (!point || isNeutral(point) || !isNeutral(times(ORDER, point))) throw new Refused(`${what} is no point of the prime subgroup`)
  return point
}
