/**
 * Points of edwards25519 over whole numbers of any length: enough to check signatures and the draw's number; nothing
 * secret is ever computed here, so nothing has to take the same time. Source: RFC 8032 sections 5.1.2 to 5.1.7.
 */

import { littleEndian, joined, same } from './bytes'
import { sha512 } from './sha'

const FIELD = 2n ** 255n - 19n
export const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n
const CURVE = modulo(-121665n * inverse(121666n))
const SQRT_OF_MINUS_1 = power(2n, (FIELD - 1n) / 4n)

/** Extended coordinates: x = X/Z, y = Y/Z, xy = T/Z. */
export interface Point {
  readonly x: bigint
  readonly y: bigint
  readonly z: bigint
  readonly t: bigint
}

export const NEUTRAL: Point = { x: 0n, y: 1n, z: 1n, t: 0n }
export const BASE: Point = pointOf(Uint8Array.from({ length: 32 }, (_, at) => (at === 0 ? 0x58 : 0x66)))!

/** Read a point; null for bytes that are none, or not the one way of writing it. */
export function pointOf(bytes: Uint8Array): Point | null {
  if (bytes.length !== 32) return null
  const y = littleEndian(bytes) & (2n ** 255n - 1n)
  if (y >= FIELD) return null
  const square = modulo(y * y)
  const x = rootOf(modulo(square - 1n), modulo(CURVE * square + 1n))
  const isOdd = bytes[31]! >> 7 === 1
  if (x === null || (x === 0n && isOdd)) return null
  const signed = (x & 1n) === (isOdd ? 1n : 0n) ? x : FIELD - x
  return { x: signed, y, z: 1n, t: modulo(signed * y) }
}

export function bytesOf(point: Point): Uint8Array {
  const scale = inverse(point.z)
  const whole = modulo(point.y * scale) | ((modulo(point.x * scale) & 1n) << 255n)
  return Uint8Array.from({ length: 32 }, (_, at) => Number((whole >> BigInt(8 * at)) & 255n))
}

export function sum(left: Point, right: Point): Point {
  const a = modulo((left.y - left.x) * (right.y - right.x))
  const b = modulo((left.y + left.x) * (right.y + right.x))
  const c = modulo(2n * left.t * CURVE * right.t)
  const d = modulo(2n * left.z * right.z)
  const [e, f, g, h] = [b - a, d - c, d + c, b + a]
  return { x: modulo(e * f), y: modulo(g * h), z: modulo(f * g), t: modulo(e * h) }
}

export const negative = (point: Point): Point => ({ ...point, x: modulo(-point.x), t: modulo(-point.t) })

export function times(scalar: bigint, point: Point): Point {
  let found = NEUTRAL
  let doubled = point
  for (let rest = scalar; rest > 0n; rest >>= 1n) {
    if (rest & 1n) found = sum(found, doubled)
    doubled = sum(doubled, doubled)
  }
  return found
}

export const isNeutral = (point: Point): boolean => point.x === 0n && point.y === point.z

/** Say whether this is a signature of the key over the message. Source: RFC 8032 section 5.1.7, without the cofactor. */
export function isSigned(key: Uint8Array, signature: Uint8Array, message: Uint8Array): boolean {
  const owner = pointOf(key)
  const answer = littleEndian(signature.slice(32))
  if (owner === null || signature.length !== 64 || answer >= ORDER) return false
  const challenge = littleEndian(sha512(joined(signature.slice(0, 32), key, message))) % ORDER
  return same(bytesOf(sum(times(answer, BASE), negative(times(challenge, owner)))), signature.slice(0, 32))
}

/** The root of a / b; null where there is none. */
function rootOf(a: bigint, b: bigint): bigint | null {
  const cube = modulo(b * b * b)
  const tried = modulo(a * cube * power(modulo(a * cube * cube * b), (FIELD - 5n) / 8n))
  const again = modulo(b * tried * tried)
  if (again === a) return tried
  return again === modulo(-a) ? modulo(tried * SQRT_OF_MINUS_1) : null
}

function power(base: bigint, exponent: bigint): bigint {
  let found = 1n
  let square = base
  for (let rest = exponent; rest > 0n; rest >>= 1n) {
    if (rest & 1n) found = modulo(found * square)
    square = modulo(square * square)
  }
  return found
}

function inverse(value: bigint): bigint {
  return power(modulo(value), FIELD - 2n)
}

function modulo(value: bigint): bigint {
  const rest = value % FIELD
  return rest < 0n ? rest + FIELD : rest
}
