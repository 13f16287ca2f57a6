/** Remember the head that this browser saw last, and check that the ledger only grew since: two views of it would show. */

import { readConsistency } from '../api/ledger'
import { fromHex, hexOf, Refused } from '../proofs/bytes'
import { fingerprintOf, type Head, type Key } from '../proofs/note'
import { checkConsistency } from '../proofs/tree'

const KEPT_UNDER = 'huisu.head'

interface Seen {
  readonly origin: string
  readonly key: string
  readonly size: number
  readonly root: string
  readonly at: string
}

export interface Growth {
  readonly verdict: 'first' | 'good' | 'bad' | 'other'
  readonly size: number
  readonly at: string
}

/** Compare a head that `key` signed with the one seen before, and remember it if it continues that one. Raises `Problem`. */
export async function compareWithSeen(head: Head, key: Key): Promise<Growth> {
  const before = remembered()
  const now: Seen = { origin: head.origin, key: fingerprintOf(key), size: head.size, root: hexOf(head.root), at: new Date().toISOString() }
  if (before === null) return told('first', now, now)
  if (before.origin !== now.origin) return told('other', before, now)
  const verdict = (await continues(before, head)) ? (before.key === now.key ? 'good' : 'other') : 'bad'
  return told(verdict, before, verdict === 'bad' ? null : now)
}

function told(verdict: Growth['verdict'], { size, at }: Seen, keep: Seen | null): Growth {
  if (keep) remember(keep)
  return { verdict, size, at }
}

async function continues(before: Seen, head: Head): Promise<boolean> {
  if (before.size === 0) return true
  if (before.size > head.size) return false
  const proof = before.size === head.size ? { hashes: [] } : await readConsistency(before.size, head.size)
  try {
    checkConsistency(before.size, fromHex(before.root), head.size, head.root, proof.hashes.map(fromHex))
    return true
  } catch (error) {
    if (error instanceof Refused) return false
    throw error
  }
}

function remembered(): Seen | null {
  try {
    const kept = JSON.parse(localStorage.getItem(KEPT_UNDER) ?? 'null') as Seen | null
    return kept && Number.isSafeInteger(kept.size) && typeof kept.root === 'string' ? kept : null
  } catch {
    return null
  }
}

function remember(seen: Seen): void {
  try {
    localStorage.setItem(KEPT_UNDER, JSON.stringify(seen))
  } catch {
    // storage is refused here: nothing to compare with next time
  }
}
