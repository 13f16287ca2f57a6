/** Read entries of the log and the values that they committed to. Source: knowledge integrity 2.1. */

import { bigEndian, compared, fromBase64, joined, Refused, same, utf8 } from './bytes'
import { sha256 } from './sha'
import { leafHash } from './tree'

export interface Entry {
  readonly type: string
  readonly id: string
  readonly at: string
  readonly obj: string
  readonly n: number
  readonly prev: Uint8Array
  readonly commitment: Uint8Array
  readonly leaf: Uint8Array
}

/** A disclosed field: its name, its salt in base64, its value as JSON text; or the commitment alone of one that is withheld. */
export type Field = readonly [name: string, salt: string, value: string] | readonly [commitment: string]

const KEYS = 'v,t,id,ts,obj,n,prev,pc'

/** Read an entry's exact bytes, given as text. Raises `Refused`. */
export function entryOf(text: unknown): Entry {
  let told: Record<string, unknown>
  try {
    told = JSON.parse(text as string) as Record<string, unknown>
  } catch {
    throw new Refused('an entry is one JSON object')
  }
  if (typeof text !== 'string' || /[^\x20-\x7e]/.test(text) || Object.keys(told).join() !== KEYS || JSON.stringify(told) !== text) {
    throw new Refused('these bytes are not in the one form that an entry has')
  }
  const { v, t, id, ts, obj, n } = told
  if (v !== 1 || ![t, id, ts, obj].every((one) => typeof one === 'string') || !Number.isSafeInteger(n)) throw new Refused('an entry has other values')
  return {
    type: t as string,
    id: id as string,
    at: ts as string,
    obj: obj as string,
    n: n as number,
    prev: fromBase64(told.prev, 32),
    commitment: fromBase64(told.pc, 32),
    leaf: leafHash(utf8(text)),
  }
}

/** Check that an entry committed to these fields; gives the disclosed values by name, read. Raises `Refused`. */
export function openedBy(entry: Entry, fields: readonly Field[]): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  const commitments = fields.map((field) => {
    if (field.length === 1) return fromBase64(field[0], 32)
    const [name, salt, value] = field
    if (name in values) throw new Refused(`the field ${name} stands twice`)
    values[name] = JSON.parse(value)
    return commitField(utf8(name), fromBase64(salt, 16), utf8(value))
  })
  const found = sha256(joined(utf8('huisu/payload/v1\n'), bigEndian(commitments.length, 2), ...commitments))
  if (!same(found, entry.commitment)) throw new Refused('the values are not those that the entry committed to')
  return values
}

/** Order disclosed fields as entries commit to them: by the bytes of their names. */
export function byName(told: readonly { readonly name: string; readonly salt: string; readonly value: string }[]): Field[] {
  return [...told].sort((left, right) => compared(utf8(left.name), utf8(right.name))).map(({ name, salt, value }) => [name, salt, value])
}

function commitField(name: Uint8Array, salt: Uint8Array, value: Uint8Array): Uint8Array {
  return sha256(joined(utf8('huisu/field/v1\n'), salt, bigEndian(name.length, 2), name, bigEndian(value.length, 4), value))
}

/** Read a bundle of entries: each behind its length of two bytes. Source: C2SP tlog-tiles. Raises `Refused`. */
export function entriesOf(bundle: Uint8Array): string[] {
  const found: string[] = []
  const decoder = new TextDecoder('utf-8', { fatal: true })
  for (let at = 0; at < bundle.length; ) {
    const end = at + 2 + bundle[at]! * 256 + (bundle[at + 1] ?? 0)
    if (end > bundle.length) throw new Refused('a bundle ends inside an entry')
    found.push(decoder.decode(bundle.subarray(at + 2, end)))
    at = end
  }
  return found
}
