/** Read signed heads of the log and the keys under them. Sources: C2SP signed-note, tlog-checkpoint. */

import { fromBase64, hexOf, joined, Refused, same, utf8 } from './bytes'
import { isSigned } from './curve'
import { sha256 } from './sha'

const PLAIN = 1
const DASH = '\u2014 '
const SIZE = /^(?:0|[1-9][0-9]{0,15})$/

export interface Key {
  readonly name: string
  readonly type: number
  readonly public: Uint8Array
  readonly id: string
}

export interface Signature {
  readonly name: string
  readonly id: string
  readonly value: Uint8Array
}

export interface Head {
  readonly origin: string
  readonly size: number
  readonly root: Uint8Array
  /** The text that is signed. */
  readonly body: string
  readonly signatures: readonly Signature[]
}

/** Read a signed head. Raises `Refused`. */
export function headOf(note: unknown): Head {
  if (typeof note !== 'string') throw new Refused('a head is a text')
  const gap = note.lastIndexOf('\n\n')
  if (gap < 0 || !note.endsWith('\n')) throw new Refused('a head has an empty line before its signatures, and ends in a line end')
  const body = note.slice(0, gap + 1)
  const [origin = '', size = '', root = '', ...more] = body.split('\n')
  if (origin === '' || !SIZE.test(size) || !Number.isSafeInteger(Number(size)) || more.join() !== '') throw new Refused('a head has three lines: name, size, root')
  return { origin, size: Number(size), root: fromBase64(root, 32), body, signatures: note.slice(gap + 2, -1).split('\n').map(signatureOf) }
}

/** Read one signature line. Raises `Refused`. */
export function signatureOf(line: string): Signature {
  const [name = '', encoded = '', more] = line.slice(DASH.length).split(' ')
  const value = fromBase64(encoded)
  if (!line.startsWith(DASH) || name === '' || more !== undefined || value.length < 5) throw new Refused(`this is no signature line: ${line.slice(0, 80)}`)
  return { name, id: hexOf(value.slice(0, 4)), value: value.slice(4) }
}

/** Read a verifier key: NAME+ID+BASE64. Raises `Refused`. */
export function keyOf(text: unknown): Key {
  const [name = '', id = '', ...encoded] = String(text).split('+')
  const material = fromBase64(encoded.join('+'), 33)
  const key = makeKey(name, material[0]!, material.slice(1))
  if (name === '' || key.id !== id) throw new Refused(`the key of ${name} has the id ${key.id}, not ${id}`)
  return key
}

export function makeKey(name: string, type: number, key: Uint8Array): Key {
  return { name, type, public: key, id: hexOf(sha256(joined(utf8(`${name}\n`), Uint8Array.of(type), key)).slice(0, 4)) }
}

/** The SHA-256 of the key's own bytes, as it is printed in packages and on paper. */
export const fingerprintOf = (key: Key): string => hexOf(sha256(key.public)).replace(/.{8}(?=.)/g, '$& ')

/** Give the one of the log's own keys that signed a head; null where none did. */
export function signerOf(head: Head, keys: readonly Key[]): Key | null {
  for (const key of keys) {
    if (key.name !== head.origin || key.type !== PLAIN) continue
    const line = head.signatures.find((one) => one.name === key.name && one.id === key.id)
    if (line && isSigned(key.public, line.value, utf8(head.body))) return key
  }
  return null
}

/** Give what a witness of a draw signs: the definition's leaf hash and the head. */
export const drawMessage = (definition: string, head: Head): Uint8Array => utf8(`huisu/draw-witness/v1\n${definition}\n${head.body}`)

/** Say whether `value` (base64, or a note's line) is this witness's signature of a draw; gives its bytes or raises `Refused`. */
export function drawSignature(witness: string, value: string, definition: string, head: Head): Uint8Array {
  const told = keyOf(witness)
  const key = makeKey(told.name, PLAIN, told.public)
  const bare = value.trim()
  const signature = bare.startsWith(DASH) ? signatureOf(bare) : { name: key.name, id: key.id, value: fromBase64(bare, 64) }
  if (signature.name !== key.name || signature.id !== key.id) throw new Refused(`this signature is one of ${signature.name}, not of ${key.name}`)
  if (!isSigned(key.public, signature.value, drawMessage(definition, head))) throw new Refused(`${key.name} did not sign this`)
  return signature.value
}

export const sameHead = (left: Head, right: Head): boolean => left.origin === right.origin && left.size === right.size && same(left.root, right.root)
