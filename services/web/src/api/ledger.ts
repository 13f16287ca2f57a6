/** Ask how the ledger stands, for its entries and for the proofs that the pages check themselves. */

import type { Inclusion } from '../proofs/history'
import { ask, send } from './http'

export interface WitnessStatus {
  readonly name: string
  readonly key: string
  readonly asked: boolean
  readonly size: number | null
  readonly last_at: string | null
}

export interface LedgerStatus {
  readonly origin: string | null
  readonly keys: readonly string[]
  readonly size: number
  readonly pending: number
  readonly head: { readonly size: number; readonly root: string; readonly made_at: string } | null
  readonly lag: number
  readonly outside_witnessed: boolean
  readonly last_witnessed_at: string | null
  readonly missing: readonly string[]
  readonly witnesses: readonly WitnessStatus[]
  readonly policy_error: string | null
  readonly signer: { readonly answers: boolean; readonly trouble: string; readonly shares_user: boolean | null; readonly shares_disk: boolean | null }
}

export interface FixityStatus {
  readonly days: number
  readonly objects: number
  readonly objects_read: number
  readonly bytes_total: number
  readonly bytes_read: number
  readonly late: number
  readonly oldest_at: string | null
  readonly last_day: string | null
  readonly failing: number
  readonly failures: readonly { readonly recordings: readonly string[]; readonly since: string; readonly outcome: string }[]
}

const BUNDLE = 256

export const readLedgerStatus = (): Promise<LedgerStatus> => ask('/custody/status')
export const readFixity = (): Promise<FixityStatus> => ask('/custody/fixity')
export const readCheckpoint = async (): Promise<string> => (await send('/custody/checkpoint')).text()
export const readInclusion = (index: number): Promise<Inclusion> => ask('/custody/proofs/inclusion', { query: { index, format: 'json' } })
export const readConsistency = (from: number, to: number): Promise<{ from_root: string; to_root: string; hashes: readonly string[] }> =>
  ask('/custody/proofs/consistency', { query: { from, to } })

/** Read the bundle of a log of `size` entries in which entry `index` lies. */
export async function readBundle(index: number, size: number): Promise<{ first: number; content: Uint8Array }> {
  const number = Math.floor(index / BUNDLE)
  const width = Math.min(BUNDLE, size - number * BUNDLE)
  const response = await send(`/custody/tile/${bundlePath(number, width)}`)
  return { first: number * BUNDLE, content: new Uint8Array(await response.arrayBuffer()) }
}

/** Source: C2SP tlog-tiles: thousands in folders of their own, a part of a bundle behind `.p/`. */
export function bundlePath(number: number, width: number): string {
  const groups = [String(number % 1000).padStart(3, '0')]
  for (let rest = Math.floor(number / 1000); rest > 0; rest = Math.floor(rest / 1000)) groups.unshift(`x${String(rest % 1000).padStart(3, '0')}`)
  return `entries/${groups.join('/')}${width === BUNDLE ? '' : `.p/${width}`}`
}
