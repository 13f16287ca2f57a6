/**
 * SHA-256 and SHA-512, in the page's own code: browsers offer theirs to secure pages only, and an archive within a
 * bureau may be reached over plain HTTP. Source: FIPS 180-4; the constants are computed, as it defines them.
 */

import { bigEndian } from './bytes'

const PRIMES = firstPrimes(80)
const ROOTS_512 = PRIMES.map((prime) => fractionOfRoot(prime, 3n))
const START_512 = PRIMES.slice(0, 8).map((prime) => fractionOfRoot(prime, 2n))
const ROOTS_256 = Int32Array.from(ROOTS_512.slice(0, 64), (word) => Number(word >> 32n) | 0)
const START_256 = START_512.map((word) => Number(word >> 32n) | 0)
const MASK = (1n << 64n) - 1n

export function sha256(content: Uint8Array): Uint8Array {
  const state = Int32Array.from(START_256)
  const padded = pad(content, 64)
  const view = new DataView(padded.buffer)
  const words = new Int32Array(64)
  for (let at = 0; at < padded.length; at += 64) {
    for (let n = 0; n < 16; n++) words[n] = view.getInt32(at + 4 * n)
    mix256(state, words)
  }
  const digest = new DataView(new ArrayBuffer(32))
  state.forEach((word, n) => digest.setInt32(4 * n, word))
  return new Uint8Array(digest.buffer)
}

function mix256(state: Int32Array, w: Int32Array): void {
  for (let n = 16; n < 64; n++) {
    const x = w[n - 15]!
    const y = w[n - 2]!
    const low = turned(x, 7) ^ turned(x, 18) ^ (x >>> 3)
    const high = turned(y, 17) ^ turned(y, 19) ^ (y >>> 10)
    w[n] = (w[n - 16]! + low + w[n - 7]! + high) | 0
  }
  let [a, b, c, d, e, f, g, h] = state as unknown as [number, number, number, number, number, number, number, number]
  for (let n = 0; n < 64; n++) {
    const one = (h + (turned(e, 6) ^ turned(e, 11) ^ turned(e, 25)) + ((e & f) ^ (~e & g)) + ROOTS_256[n]! + w[n]!) | 0
    const two = ((turned(a, 2) ^ turned(a, 13) ^ turned(a, 22)) + ((a & b) ^ (a & c) ^ (b & c))) | 0
    h = g
    g = f
    f = e
    e = (d + one) | 0
    d = c
    c = b
    b = a
    a = (one + two) | 0
  }
  ;[a, b, c, d, e, f, g, h].forEach((word, n) => (state[n] = (state[n]! + word) | 0))
}

const turned = (word: number, by: number): number => (word >>> by) | (word << (32 - by))

export function sha512(content: Uint8Array): Uint8Array {
  const state = [...START_512]
  const padded = pad(content, 128)
  const view = new DataView(padded.buffer)
  for (let at = 0; at < padded.length; at += 128) {
    const words = Array.from({ length: 16 }, (_, n) => view.getBigUint64(at + 8 * n))
    mix512(state, words)
  }
  const digest = new DataView(new ArrayBuffer(64))
  state.forEach((word, n) => digest.setBigUint64(8 * n, word))
  return new Uint8Array(digest.buffer)
}

function mix512(state: bigint[], w: bigint[]): void {
  for (let n = 16; n < 80; n++) {
    const x = w[n - 15]!
    const y = w[n - 2]!
    const low = wide(x, 1n) ^ wide(x, 8n) ^ (x >> 7n)
    const high = wide(y, 19n) ^ wide(y, 61n) ^ (y >> 6n)
    w.push((w[n - 16]! + low + w[n - 7]! + high) & MASK)
  }
  let [a, b, c, d, e, f, g, h] = state as [bigint, bigint, bigint, bigint, bigint, bigint, bigint, bigint]
  for (let n = 0; n < 80; n++) {
    const one = h + (wide(e, 14n) ^ wide(e, 18n) ^ wide(e, 41n)) + ((e & f) ^ (~e & MASK & g)) + ROOTS_512[n]! + w[n]!
    const two = (wide(a, 28n) ^ wide(a, 34n) ^ wide(a, 39n)) + ((a & b) ^ (a & c) ^ (b & c))
    h = g
    g = f
    f = e
    e = (d + one) & MASK
    d = c
    c = b
    b = a
    a = (one + two) & MASK
  }
  ;[a, b, c, d, e, f, g, h].forEach((word, n) => (state[n] = (state[n]! + word) & MASK))
}

const wide = (word: bigint, by: bigint): bigint => ((word >> by) | (word << (64n - by))) & MASK

/** Append the bit 1, zeroes and the length in bits, up to a whole block. */
function pad(content: Uint8Array, block: number): Uint8Array {
  const tail = block / 8
  const padded = new Uint8Array(Math.ceil((content.length + 1 + tail) / block) * block)
  padded.set(content)
  padded[content.length] = 0x80
  padded.set(bigEndian(content.length * 8, 8), padded.length - 8)
  return padded
}

function firstPrimes(count: number): bigint[] {
  const found: bigint[] = []
  for (let tried = 2n; found.length < count; tried++) if (found.every((prime) => tried % prime !== 0n)) found.push(tried)
  return found
}

/** The first 64 bits of the fraction of a number's square or cube root. */
function fractionOfRoot(number: bigint, degree: bigint): bigint {
  const scaled = number << (64n * degree)
  let low = 0n
  let high = 1n << 72n
  while (low < high) {
    const middle = (low + high + 1n) >> 1n
    if (middle ** degree <= scaled) low = middle
    else high = middle - 1n
  }
  return low & ((1n << 64n) - 1n)
}
