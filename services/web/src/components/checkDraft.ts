/** Turn what was filled in for a spot check into its definition as the archive's grammar reads it. */

import type { SeedSource } from '../api/checks'
import type { Facts } from '../api/types'

/** What a recording shows. Source: services/oversight/filters.py. */
export const CATEGORIES = [
  ...['CALL', 'STOP_CHECK', 'ON_SPOT_PENALTY', 'SCENE_WORK', 'COERCION', 'MASS_INCIDENT', 'INTERROGATION', 'WITNESS'],
  ...['DETENTION', 'PROPERTY', 'RECEPTION', 'TRAFFIC', 'TRAINING', 'ACCIDENTAL', 'UNCATEGORISED'],
]

export interface StratumDraft {
  name: string
  kind: string
  category: string
  /** Empty: its share of the whole. */
  size: number | ''
}

export interface CheckDraft {
  programme: string
  unit: string
  /** Days on the archive's clock, `YYYY-MM-DD`. */
  from: string
  to: string
  ticket: string
  kinds: string[]
  categories: string[]
  minLength: number | ''
  gradeMax: number
  strata: StratumDraft[]
  size: number
  reserve: number
  sources: SeedSource[]
  revealDays: number
  scorecard: string
  cross: boolean
  again: boolean
  reason: string
}

export const emptyDraft = (unit: string): CheckDraft => ({
  ...{ programme: '', unit, from: '', to: '', ticket: 'segment', kinds: [], categories: [], minLength: '', gradeMax: 3, strata: [] },
  ...{ size: 59, reserve: 5, sources: [], revealDays: 7, scorecard: 'scene', cross: false, again: false, reason: '' },
})

export function definitionOf(draft: CheckDraft): Facts {
  return {
    programme: draft.programme.trim(),
    unit: draft.unit.trim(),
    from: `${draft.from}T00:00:00+08:00`,
    to: `${draft.to}T00:00:00+08:00`,
    ticket: draft.ticket,
    filter: {
      ...(draft.kinds.length > 0 ? { kind: [...draft.kinds] } : {}),
      ...(draft.categories.length > 0 ? { category: [...draft.categories] } : {}),
      ...(draft.minLength ? { min_length: draft.minLength } : {}),
    },
    strata: draft.strata.map(stratumOf),
    size: draft.size,
    reserve: draft.reserve,
    seed_sources: draft.sources.map((one) => ({ ...one })),
    grade_max: draft.gradeMax,
    scorecard: draft.scorecard,
    cross: draft.cross,
    ...(draft.sources.length > 0 ? { reveal_within: draft.revealDays * 86_400 } : {}),
    ...(draft.again && draft.reason.trim() ? { reason: draft.reason.trim() } : {}),
  }
}

function stratumOf({ name, kind, category, size }: StratumDraft): Facts {
  const filter = { ...(kind ? { kind: [kind] } : {}), ...(category ? { category: [category] } : {}) }
  return { name: name.trim(), filter, ...(size === '' ? {} : { size }) }
}

/**
 * The lowest rate of faults that `size` checks find at least once with 95 % certainty, of however many there are.
 * Source: 1 − (1 − p)^n ≥ 0.95; a small population needs fewer still.
 */
export const surelyFound = (size: number): number => (size >= 1 ? 1 - 0.05 ** (1 / size) : 1)
