/** Ask for export packages, approve what takes two persons, see how far they are. */

import { address, ask } from './http'
import type { Page } from './types'

export const EXPORT_KINDS = ['original', 'verbatim', 'exact', 'still'] as const
export type ExportKind = (typeof EXPORT_KINDS)[number]
export const MOST_COPIES = 20
export const MOST_ITEMS = 100

export interface WantedItem {
  readonly recording: string
  readonly kind: ExportKind
  readonly start?: string
  readonly end?: string
}

export interface ExportOrder {
  readonly items: readonly WantedItem[]
  readonly recipient: string
  readonly purpose: string
  readonly case?: string
  readonly copies: number
  readonly disclosure: 'minimal' | 'audit'
}

export interface ExportItem {
  readonly n: number
  readonly recording: string
  readonly kind: string
  readonly file: string | null
  readonly made: string | null
  readonly start: string | null
  readonly end: string | null
  readonly size: number | null
  readonly sha256: string | null
  readonly proof: boolean
  readonly proven: string | null
  readonly entry: string | null
  readonly receipt: string | null
}

export interface ExportFacts {
  readonly id: string
  readonly state: string
  readonly case: string | null
  readonly recipient: string
  readonly purpose: string
  readonly copies: number
  readonly disclosure: string
  readonly requester: string
  readonly answered_by: string | null
  readonly answer_reason: string | null
  readonly created_at: string
  readonly ended_at: string | null
  readonly head_size: number | null
  /** `quorum`, `none-in-time` or `no-quorum`; null until it is made. */
  readonly witnessed: string | null
  readonly job: { readonly state: string; readonly progress: number | null; readonly error: string | null } | null
  readonly problems: readonly { readonly code: string; readonly detail: string }[]
  readonly packages: readonly { readonly copy: number; readonly filename: string; readonly size: number; readonly sha256: string }[]
  readonly items: readonly ExportItem[]
}

export const listExports = (state: string, cursor?: string): Promise<Page<ExportFacts>> => ask('/exports', { query: { state, limit: 50, cursor } })
export const openExport = (id: string): Promise<ExportFacts> => ask(`/exports/${id}`)
export const askForExport = (order: ExportOrder, key: string): Promise<{ id: string; state: string }> =>
  ask('/exports', { method: 'POST', body: order, headers: { 'Idempotency-Key': key } })
export const answerExport = (id: string, answer: 'approve' | 'refuse', reason: string): Promise<unknown> =>
  ask(`/exports/${id}/${answer}`, { method: 'POST', body: reason ? { reason } : {} })
export const packageAddress = (id: string, copy: number): string => address(`/exports/${id}/package`, { copy })
