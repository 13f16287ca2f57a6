/** Check a history in the browser: each entry follows the one before it, says what it committed to, and is in the log. */

import { fromHex, Refused, same } from './bytes'
import { entryOf, openedBy, type Entry, type Field } from './entry'
import { headOf, sameHead, signerOf, type Head, type Key } from './note'
import { checkInclusion } from './tree'

/** What is checked of one line: its exact entry and the fields behind it. */
export interface ProvenLine {
  readonly entry: string
  readonly fields: readonly Field[]
  /** Its values were lost in a restore: only that it stands in its chain can be checked. */
  readonly values_lost?: boolean
}

export interface ChainReport {
  /** How many entries were checked, from the first on. */
  readonly checked: number
  /** Numbers of entries whose link to the one before, object or number is wrong. */
  readonly broken: readonly number[]
  /** Numbers of entries whose shown values are not those committed to. */
  readonly altered: readonly number[]
  /** Numbers of entries whose values were lost in a restore, so that they cannot be checked. */
  readonly lost: readonly number[]
}

/** Check entries of one object, from its first on. An entry that cannot be read counts as broken. */
export function checkChain(obj: string, lines: readonly ProvenLine[]): ChainReport {
  const broken: number[] = []
  const altered: number[] = []
  const lost: number[] = []
  let before = new Uint8Array(32)
  lines.forEach((line, n) => {
    try {
      const entry = entryOf(line.entry)
      if (entry.n !== n || entry.obj !== obj || !same(entry.prev, before)) broken.push(n)
      if (line.values_lost && line.fields.length === 0) lost.push(n)
      else if (!opens(entry, line.fields)) altered.push(n)
      before = new Uint8Array(entry.leaf)
    } catch {
      broken.push(n)
      before = new Uint8Array(32)
    }
  })
  return { checked: lines.length, broken, altered, lost }
}

function opens(entry: Entry, fields: readonly Field[]): boolean {
  try {
    openedBy(entry, fields)
    return true
  } catch {
    return false
  }
}

/** The archive's proof that an entry is in the log; hashes in hexadecimal. */
export interface Inclusion {
  readonly index: number
  readonly size: number
  readonly root: string
  readonly hashes: readonly string[]
  readonly checkpoint: string | null
}

export interface Proven {
  readonly index: number
  readonly size: number
  readonly head: Head | null
  /** The key that signed the head; null where the head has no line of a key that was given. */
  readonly key: Key | null
}

/** Check that exactly this entry is in the log at this place, under a head that one of these keys signed. Raises `Refused`. */
export function checkLogged(entry: string, told: Inclusion, keys: readonly Key[]): Proven {
  const { leaf } = entryOf(entry)
  checkInclusion(leaf, told.index, told.size, told.hashes.map(fromHex), fromHex(told.root))
  if (told.checkpoint === null) return { index: told.index, size: told.size, head: null, key: null }
  const head = headOf(told.checkpoint)
  if (!sameHead(head, { ...head, size: told.size, root: fromHex(told.root) })) throw new Refused('the signed head is not the one that the proof leads to')
  return { index: told.index, size: told.size, head, key: signerOf(head, keys) }
}

