/** Read and write the bytes that proofs are made of. Every form is taken in one way of writing it only. */

/** What a check says when something does not hold. */
export class Refused extends Error {}

const encoder = new TextEncoder()
const HEX = /^(?:[0-9a-f]{2})*$/

export const utf8 = (text: string): Uint8Array => encoder.encode(text)
export const latin1 = (bytes: Uint8Array): string => Array.from(bytes, (one) => String.fromCharCode(one)).join('')

export function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

export const same = (left: Uint8Array, right: Uint8Array): boolean => left.length === right.length && left.every((one, at) => one === right[at])

/** Order by bytes: below 0 where `left` comes first. */
export function compared(left: Uint8Array, right: Uint8Array): number {
  for (let at = 0; at < Math.min(left.length, right.length); at++) {
    if (left[at] !== right[at]) return left[at]! - right[at]!
  }
  return left.length - right.length
}

export const hexOf = (bytes: Uint8Array): string => Array.from(bytes, (one) => one.toString(16).padStart(2, '0')).join('')

/** Read lower-case hexadecimal. Raises `Refused`. */
export function fromHex(text: unknown): Uint8Array {
  if (typeof text !== 'string' || !HEX.test(text)) throw new Refused(`not hexadecimal: ${String(text).slice(0, 80)}`)
  return Uint8Array.from(text.match(/../g) ?? [], (pair) => parseInt(pair, 16))
}

/** Read base64 in its one form, of `length` bytes where that is given. Raises `Refused`. */
export function fromBase64(text: unknown, length?: number): Uint8Array {
  let binary: string
  try {
    binary = atob(text as string)
  } catch {
    throw new Refused(`not base64: ${String(text).slice(0, 80)}`)
  }
  if (btoa(binary) !== text) throw new Refused(`not base64 in its one form: ${String(text).slice(0, 80)}`)
  const bytes = new Uint8Array(binary.length)
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at)
  if (length !== undefined && bytes.length !== length) throw new Refused(`${length} bytes are wanted, not ${bytes.length}`)
  return bytes
}

export function toBase64(bytes: Uint8Array): string {
  return btoa(latin1(bytes))
}

/** Write a whole number of `width` bytes, the most significant first. */
export function bigEndian(value: number, width: number): Uint8Array {
  const bytes = new Uint8Array(width)
  let rest = value
  for (let at = width - 1; at >= 0; at--) {
    bytes[at] = rest % 256
    rest = Math.floor(rest / 256)
  }
  return bytes
}

/** Read a whole number, the least significant byte first. */
export function littleEndian(bytes: Uint8Array): bigint {
  return BigInt(`0x${hexOf(bytes.slice().reverse()) || '0'}`)
}
