/** Know how the ledger stands while pages are open: its keys for proofs, and what must be seen in red. */

import { computed, ref, shallowRef } from 'vue'
import { readFixity, readLedgerStatus, type LedgerStatus } from '../api/ledger'
import { keyOf, type Key } from '../proofs/note'
import { person } from './session'

const EVERY_MS = 300_000
/** Who must see it wherever they are: those who oversee the archive or run it. */
const WARNED = ['supervisor', 'auditor', 'admin']

const status = shallowRef<LedgerStatus | null>(null)
const failing = ref(0)

export const ledgerStatus = computed(() => status.value)
export const failingOriginals = computed(() => failing.value)
export const isWarned = computed(() => WARNED.includes(person.value?.role ?? ''))

/** Read the ledger's state anew. Raises `Problem`. */
export async function refreshLedger(): Promise<LedgerStatus> {
  status.value = await readLedgerStatus()
  return status.value
}

/** The log's keys as the archive names them; whoever compares their fingerprints with paper need not trust it. */
export async function logKeys(): Promise<Key[]> {
  return keysOf((status.value?.keys.length ? status.value : await refreshLedger()).keys)
}

export function keysOf(texts: readonly string[]): Key[] {
  return texts.flatMap((text) => {
    try {
      return [keyOf(text)]
    } catch {
      return [] // a kind of key that this version does not know
    }
  })
}

/** Keep an eye on it until the returned function is called. */
export function watchLedger(): () => void {
  const look = (): void => {
    if (!isWarned.value) return
    refreshLedger().catch(() => undefined) // the page itself says when the archive does not answer
    readFixity().then(
      (found) => (failing.value = found.failing),
      () => undefined,
    )
  }
  look()
  const timer = window.setInterval(look, EVERY_MS)
  return () => window.clearInterval(timer)
}
