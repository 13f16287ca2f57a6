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
  /** Hours after its end within which footage is in time; empty: late or not. */
  late: number | ''
  linked: '' | 'yes' | 'no'
  /** Types of incidents as dispatch names them, with commas between. */
  incidentTypes: string
  /** Empty: its share of the whole. */
  size: number | ''
}

export const emptyStratum = (given: Partial<StratumDraft> = {}): StratumDraft => ({ name: '', kind: '', category: '', late: '', linked: '', incidentTypes: '', size: '', ...given })

/** Source: domain, rules 47 and 8; complaints have no mark of their own yet, only what dispatch calls an incident. */
export const usualStrata = (names: Readonly<Record<'force' | 'interrogation' | 'late' | 'unlinked', string>>): StratumDraft[] => [
  emptyStratum({ name: names.force, category: 'COERCION' }),
  emptyStratum({ name: names.interrogation, category: 'INTERROGATION' }),
  emptyStratum({ name: names.late, late: 24 }),
  emptyStratum({ name: names.unlinked, linked: 'no' }),
]

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

function stratumOf({ name, kind, category, late, linked, incidentTypes, size }: StratumDraft): Facts {
  const types = incidentTypes.split(/[,，、]/u).map((one) => one.trim()).filter((one) => one !== '')
  const filter = {
    ...(kind ? { kind: [kind] } : {}),
    ...(category ? { category: [category] } : {}),
    ...(late ? { late } : {}),
    ...(linked ? { linked: linked === 'yes' } : {}),
    ...(types.length > 0 ? { incident_type: types } : {}),
  }
  return { name: name.trim(), filter, ...(size === '' ? {} : { size }) }
}

/**
 * The lowest rate of faults that `size` checks find at least once with 95 % certainty, of however many there are.
 * Source: 1 − (1 − p)^n ≥ 0.95; a small population needs fewer still.
 */
export const surelyFound = (size: number): number => (size >= 1 ? 1 - 0.05 ** (1 / size) : 1)
