/** Ask for spot checks: define, draw, review what was drawn, and have the draw proven. */

import type { DrawProof } from '../proofs/draw'
import { ask } from './http'
import type { Facts, HistoryLine, Page } from './types'

export interface Estimate {
  readonly rate: number | null
  readonly lower: number
  readonly upper: number
  readonly confidence: number
}

export interface SeedSource {
  readonly kind: 'nonce' | 'witness'
  readonly by?: string
  readonly commitment?: string
  readonly key?: string
}

export interface StratumShare {
  readonly name: string
  readonly filter: Facts
  readonly population: number
  readonly size: number
  readonly reserve: number
}

export interface Definition {
  readonly from: string
  readonly to: string
  readonly ticket: string
  readonly filter: Facts
  readonly strata: readonly StratumShare[]
  readonly seed_sources: readonly SeedSource[]
  readonly scorecard: { readonly id: string; readonly version: number }
  readonly grade_max: number
  readonly cross: boolean
  readonly population: number
  readonly pop_root: string
  readonly vrf_key: string
  readonly reason: string | null
}

export interface SpotCheck {
  readonly id: string
  readonly number: number
  readonly programme: string
  readonly unit: string
  readonly state: string
  readonly label: string
  readonly definition: Definition
  readonly definer: string
  readonly defined_at: string
  readonly drawn_at: string | null
  readonly reveal_until: string | null
  readonly waiting: readonly string[]
  readonly failure: string | null
  readonly counts: Readonly<Record<string, number>>
  readonly overdue: number
  readonly skip_rate: number | null
  readonly findings: readonly string[]
}

export interface StratumResult extends StratumShare {
  readonly reviewed: number
  readonly faults: number
  readonly rate: Estimate
}

export interface SpotCheckPage extends SpotCheck {
  readonly found: {
    readonly strata: readonly StratumResult[]
    readonly skips_not_borne_out: number
    readonly faults: Estimate
    readonly results: Readonly<Record<string, Estimate>>
    readonly advice: readonly { readonly rate: number; readonly confidence: number; readonly size: number }[]
  }
  readonly witness_request: string | null
}

export interface Stretch {
  readonly recording: string
  readonly start: number
  readonly end: number | null
}

export type CardVerdict = 'pass' | 'fail' | 'not-applicable'

export interface CardAnswer {
  readonly line: string
  readonly verdict: CardVerdict
  readonly deduction: number
  readonly veto: boolean
}

export interface Evidence {
  readonly recording: string
  readonly start: number
  readonly end: number
  readonly line?: string
}

export interface Review {
  readonly answers: readonly CardAnswer[]
  readonly results: readonly string[]
  readonly note: string | null
  readonly evidence: readonly Evidence[]
  readonly score: number | null
  readonly watched: number | null
  readonly without_watching: string | null
}

export interface SpotItem {
  readonly n: number
  readonly stratum: string
  readonly state: string
  readonly kind: string
  readonly withheld: boolean
  readonly incident: string | null
  readonly stretches: readonly Stretch[]
  readonly replaces: number | null
  readonly reviewer: string | null
  readonly due_at: string | null
  readonly overdue: boolean
  readonly skip: { readonly reason: string; readonly note: string | null; readonly by: string; readonly at: string; readonly borne_out: boolean | null; readonly replaced_by: number | null } | null
  readonly review: Review | null
  readonly confirmer: string | null
  readonly confirmed_at: string | null
}

export interface CardLine {
  readonly id: string
  readonly points: number
  readonly can_veto: boolean
  readonly words: Readonly<Record<string, string>>
}

export interface Card {
  readonly id: string
  readonly version: number
  readonly title: Readonly<Record<string, string>>
  readonly lines: readonly CardLine[]
}

export interface Cards {
  readonly cards: readonly Card[]
  readonly results: readonly string[]
  readonly skips: readonly string[]
}

export interface SaidReview {
  readonly answers: readonly CardAnswer[]
  readonly results: readonly string[]
  readonly note: string | null
  readonly evidence: readonly Evidence[]
  readonly submit: boolean
  readonly without_watching?: string
}

const at = (id: string, rest = ''): string => `/spot-checks/${id}${rest}`

export const listChecks = (cursor?: string): Promise<Page<SpotCheck>> => ask('/spot-checks', { query: { limit: 50, cursor } })
export const openCheck = (id: string): Promise<SpotCheckPage> => ask(at(id))
export const defineCheck = (told: Facts): Promise<SpotCheck> => ask('/spot-checks', { method: 'POST', body: told })
export const drawCheck = (id: string): Promise<SpotCheck> => ask(at(id, '/draw'), { method: 'POST' })
export const revealInput = (id: string, kind: string, value: string): Promise<SpotCheck> => ask(at(id, '/reveal'), { method: 'POST', body: { kind, value } })
export const readDrawProof = (id: string): Promise<DrawProof> => ask(at(id, '/proof'))
export const readCheckHistory = (id: string, cursor?: string): Promise<Page<HistoryLine>> => ask(at(id, '/history'), { query: { limit: 100, cursor } })
export const listItems = (id: string, cursor?: string): Promise<Page<SpotItem>> => ask(at(id, '/items'), { query: { limit: 100, cursor } })
export const openItem = (id: string, n: number): Promise<SpotItem> => ask(at(id, `/items/${n}`))
export const assignItem = (id: string, n: number, reviewer: string): Promise<SpotItem> => ask(at(id, `/items/${n}/assign`), { method: 'POST', body: { reviewer } })
export const skipItem = (id: string, n: number, reason: string, note: string): Promise<SpotItem> =>
  ask(at(id, `/items/${n}/skip`), { method: 'POST', body: note ? { reason, note } : { reason } })
export const reviewItem = (id: string, n: number, said: SaidReview): Promise<SpotItem> => ask(at(id, `/items/${n}/review`), { method: 'POST', body: said })
export const confirmReviews = (id: string): Promise<{ items: readonly number[] }> => ask(at(id, '/confirm'), { method: 'POST', body: { items: [] } })
export const readCards = (): Promise<Cards> => ask('/spot-checks/scorecards')
export const adviseSize = (population: number, rate: number): Promise<{ size: number }> => ask('/spot-checks/sample-size', { query: { population, rate } })
