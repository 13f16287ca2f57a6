/**
 * Repeat a draw from its proof document, in the browser and step by step. Formats: services/oversight/replay.py, whose
 * checks these are; a check that needs what failed before it is not made.
 */

import { bigEndian, compared, fromBase64, fromHex, hexOf, joined, Refused, toBase64, utf8 } from './bytes'
import { byName, entryOf, openedBy, type Entry } from './entry'
import { drawSignature, fingerprintOf, headOf, signerOf, type Head, type Key } from './note'
import { sha256 } from './sha'
import { checkInclusion, leafHash, rootOf } from './tree'
import { checkVrf } from './vrf'

const TICKET = 21
const LEAF = 25

export const CHECKS = ['definition', 'inclusion', 'checkpoint', 'key', 'inputs', 'population', 'draw'] as const
export type Check = (typeof CHECKS)[number]
export type Verdict = 'pass' | 'fail' | 'not-checked'

/** `words` names a text, `values` fills it; of a failed check, `detail` says what was found. */
export interface Finding {
  readonly check: Check
  readonly verdict: Verdict
  readonly words: string
  readonly values: Readonly<Record<string, string | number>>
  readonly detail?: string
}

interface Disclosed {
  readonly name: string
  readonly salt: string
  readonly value: string
}

interface Sealed {
  readonly entry: string
  readonly disclosure: readonly Disclosed[]
}

export interface DrawProof {
  readonly format: string
  readonly id: string
  readonly define: Sealed & { readonly index: number; readonly inclusion: readonly string[] }
  readonly checkpoint: string
  readonly vrf: { readonly key: string; readonly proof: string }
  readonly inputs: readonly { readonly kind: string; readonly by: string; readonly value: string }[]
  readonly tickets: string
  readonly result: Sealed
}

interface Source {
  readonly kind: string
  readonly by: string
  readonly commitment?: string
  readonly key?: string
}

interface Stratum {
  readonly population: number
  readonly size: number
  readonly reserve: number
}

interface Definition {
  readonly programme: string
  readonly unit: string
  readonly from: string
  readonly to: string
  readonly vrf_key: string
  readonly seed_sources: readonly Source[]
  readonly strata: readonly Stratum[]
  readonly population: number
  readonly pop_root: string
}

/** What one check found out for those after it. */
interface Case {
  readonly proof: DrawProof
  readonly keys: readonly Key[]
  defined: Definition
  leaf: Uint8Array
  head: Head
  beta: Uint8Array
  inputs: readonly Uint8Array[]
  tickets: readonly Uint8Array[]
}

type Said = Omit<Finding, 'check' | 'detail'>
const pass = (words: string, values: Said['values'] = {}): Said => ({ verdict: 'pass', words, values })
const open = (words: string, values: Said['values'] = {}): Said => ({ verdict: 'not-checked', words, values })

/** Check a draw's proof; `keys` are those that the log's heads are signed with, as far as they are known. */
export function replay(proof: DrawProof, keys: readonly Key[]): Finding[] {
  const found: Finding[] = []
  const draft = { proof, keys } as Case
  let failed = false
  for (const check of CHECKS) {
    if (failed) {
      found.push({ check, verdict: 'not-checked', words: 'restsOnFailed', values: {} })
      continue
    }
    try {
      found.push(...STEPS[check](draft).map((said) => ({ check, ...said })))
    } catch (error) {
      failed = true
      found.push({ check, verdict: 'fail', words: 'failed', values: {}, detail: error instanceof Error ? error.message : String(error) })
    }
  }
  return found
}

/** Say whether nothing failed and the draw itself was repeated. */
export function holds(findings: readonly Finding[]): boolean {
  return findings.every((one) => one.verdict !== 'fail') && findings.some((one) => one.check === 'draw' && one.verdict === 'pass')
}

/** Say whether the signature of the head was checked and held: without, the log itself may be made up. */
export const isHeadSigned = (findings: readonly Finding[]): boolean => findings.find((one) => one.check === 'checkpoint')?.verdict === 'pass'

const STEPS: Readonly<Record<Check, (draft: Case) => Said[]>> = { definition, inclusion, checkpoint, key, inputs, population, draw }

function opened(told: Sealed, kind: string, id: string): [Entry, Record<string, unknown>] {
  const entry = entryOf(told.entry)
  if (entry.type !== kind || entry.obj !== id) throw new Refused(`the entry is ${entry.type} of ${entry.obj}`)
  return [entry, openedBy(entry, byName(told.disclosure))]
}

function definition(draft: Case): Said[] {
  if (draft.proof.format !== 'huisu/draw-proof/v1') throw new Refused(`the proof has the form ${String(draft.proof.format)}`)
  const [entry, values] = opened(draft.proof.define, 'draw.define', draft.proof.id)
  draft.defined = values as unknown as Definition
  draft.leaf = entry.leaf
  const { programme, unit } = draft.defined
  return [pass('definition', { programme, unit, at: entry.at })]
}

function inclusion(draft: Case): Said[] {
  const { index, inclusion: path } = draft.proof.define
  draft.head = headOf(draft.proof.checkpoint)
  checkInclusion(draft.leaf, index, draft.head.size, path.map((one) => fromBase64(one, 32)), draft.head.root)
  return [pass('inclusion', { index, size: draft.head.size, origin: draft.head.origin })]
}

function checkpoint(draft: Case): Said[] {
  const own = draft.keys.filter((one) => one.name === draft.head.origin)
  const signer = signerOf(draft.head, own)
  if (own.length > 0 && !signer) throw new Refused(`no known key of ${draft.head.origin} signed this head`)
  return [
    signer ? pass('signed', { fingerprint: fingerprintOf(signer) }) : open('noKey', { origin: draft.head.origin }),
    draft.head.size === draft.proof.define.index + 1 ? pass('firstHead') : open('maybeSmaller'),
  ]
}

function key(draft: Case): Said[] {
  const told = draft.proof.vrf
  if (told.key !== draft.defined.vrf_key) throw new Refused('the key of the draw is not the one that the definition names')
  draft.beta = checkVrf(fromHex(told.key), joined(draft.leaf, draft.head.root), fromHex(told.proof))
  return [pass('key')]
}

function inputs(draft: Case): Said[] {
  const sources = [...draft.defined.seed_sources].sort((left, right) => ordered(left.kind, right.kind) || ordered(left.commitment ?? left.key!, right.commitment ?? right.key!))
  const given = draft.proof.inputs
  if (given.length !== sources.length || sources.some((one, n) => one.kind !== given[n]!.kind || one.by !== given[n]!.by)) {
    throw new Refused('the outside inputs are not those that the definition names')
  }
  draft.inputs = sources.map((source, n) => checkedInput(source, given[n]!.value, draft))
  return sources.length === 0 ? [open('agencySeeded')] : sources.map((one) => pass(one.kind === 'nonce' ? 'nonce' : 'witness', { by: one.by }))
}

const ordered = (left: string, right: string): number => compared(utf8(left), utf8(right))

function checkedInput(source: Source, value: string, draft: Case): Uint8Array {
  if (source.kind === 'witness') return drawSignature(source.key!, value, toBase64(draft.leaf), draft.head)
  const nonce = fromHex(value)
  if (source.kind !== 'nonce' || nonce.length !== 32 || commitNonce(nonce) !== source.commitment) throw new Refused(`this is not what ${source.by} committed to`)
  return nonce
}

/** What an overseer gives to the definition: a nonce's commitment, in hexadecimal. */
export const commitNonce = (nonce: Uint8Array): string => hexOf(sha256(joined(utf8('huisu/draw-nonce/v1\n'), nonce)))

function population(draft: Case): Said[] {
  const frozen = fromBase64(draft.proof.tickets)
  if (frozen.length % LEAF) throw new Refused('the list of tickets ends within one')
  const tickets = Array.from({ length: frozen.length / LEAF }, (_, n) => frozen.subarray(n * LEAF, (n + 1) * LEAF))
  const counts = draft.defined.strata.map(() => 0)
  tickets.forEach((one, n) => {
    const before = tickets[n - 1]
    if (before && compared(before.subarray(0, TICKET), one.subarray(0, TICKET)) >= 0) throw new Refused('the list of tickets is not sorted, or has one twice')
    const stratum = stratumOf(one)
    if ((one[0] !== 1 && one[0] !== 2) || stratum >= counts.length) throw new Refused('the list has what is no ticket')
    counts[stratum]! += 1
  })
  if (hexOf(rootOf(tickets.map(leafHash))) !== draft.defined.pop_root) throw new Refused('the tickets are not those that were frozen')
  if (tickets.length !== draft.defined.population || counts.some((count, n) => count !== draft.defined.strata[n]!.population)) throw new Refused('the strata hold other numbers of tickets')
  draft.tickets = tickets
  return [pass('population', { tickets: tickets.length, strata: counts.length })]
}

const stratumOf = (leaf: Uint8Array): number => new DataView(leaf.buffer, leaf.byteOffset + TICKET).getUint32(0)

function draw(draft: Case): Said[] {
  const [, result] = opened(draft.proof.result, 'draw.result', draft.proof.id)
  const seed = seedOf(draft)
  if (result.seed !== hexOf(seed)) throw new Refused(`the seed is ${hexOf(seed)}, the result says ${String(result.seed)}`)
  const keyed = draft.defined.strata.map(() => [] as { key: Uint8Array; ticket: Uint8Array }[])
  const prefix = joined(utf8('huisu/draw-key/v1\n'), seed)
  for (const leaf of draft.tickets) {
    const ticket = leaf.subarray(0, TICKET)
    keyed[stratumOf(leaf)]!.push({ key: sha256(joined(prefix, ticket)), ticket })
  }
  const drawn = keyed.map((stratum, n) => smallest(stratum, draft.defined.strata[n]!))
  if (!alike(result.drawn, drawn)) throw new Refused('the same draw gives other tickets than the result says')
  const count = (part: 'sample' | 'reserve'): number => drawn.reduce((sum, one) => sum + one[part].length, 0)
  return [pass('draw', { sample: count('sample'), reserve: count('reserve'), seed: hexOf(seed) })]
}

function seedOf({ leaf, head, beta, inputs: outside }: Case): Uint8Array {
  const told = [...outside].sort(compared).flatMap((one) => [bigEndian(one.length, 4), one])
  return sha256(joined(utf8('huisu/draw-seed/v1\n'), leaf, bigEndian(head.size, 8), head.root, beta, sha256(joined(...told))))
}

interface Drawn {
  readonly sample: readonly string[]
  readonly reserve: readonly string[]
}

function smallest(keyed: { key: Uint8Array; ticket: Uint8Array }[], { size, reserve }: Stratum): Drawn {
  const first = keyed.sort((left, right) => compared(left.key, right.key)).slice(0, size + reserve).map(({ ticket }) => hexOf(ticket))
  return { sample: first.slice(0, size), reserve: first.slice(size) }
}

function alike(told: unknown, drawn: readonly Drawn[]): boolean {
  const plain = (told as Drawn[]).map(({ sample, reserve }) => ({ sample, reserve }))
  return JSON.stringify(plain) === JSON.stringify(drawn)
}

