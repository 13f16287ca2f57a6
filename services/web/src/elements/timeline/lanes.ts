/** Read the API's timeline as numbers, in order, so that it can be drawn and walked. */

import type { Timeline } from '../../api/types'
import { instantOf } from '../../words/time'
import type { Extent } from './axis'

export interface Span {
  readonly recording: string
  readonly start: number
  readonly end: number
}

export interface Lane {
  readonly key: string
  readonly label: string
  readonly spans: readonly Span[]
  readonly gaps: readonly { readonly start: number; readonly end: number }[]
  /** Where another lane records at the same time. */
  readonly overlaps: readonly { readonly start: number; readonly end: number }[]
}

export interface Swimlanes {
  readonly bounds: Extent
  readonly lanes: readonly Lane[]
  /** Every span of every lane, in order of time. */
  readonly order: readonly Span[]
}

interface TextRange {
  readonly start: string
  readonly end: string
}

/** Read a timeline; null when nothing in it has a time. */
export function swimlanes(timeline: Timeline): Swimlanes | null {
  const lanes = timeline.lanes.map((lane) => {
    const spans = lane.spans.flatMap((span) => ranges([span]).map((range) => ({ ...range, recording: span.recording })))
    const own = new Set(spans.map((span) => span.recording))
    const shared = timeline.overlaps.filter((overlap) => overlap.recordings.some((recording) => own.has(recording)))
    return { key: lane.key, label: lane.label, spans, gaps: ranges(lane.gaps), overlaps: ranges(shared) }
  })
  const order = lanes.flatMap((lane) => lane.spans).sort((left, right) => left.start - right.start || left.end - right.end)
  if (order.length === 0) return null
  const from = instantOf(timeline.from) ?? order[0]!.start
  const to = instantOf(timeline.to) ?? Math.max(...order.map((span) => span.end))
  return { bounds: { from, to: Math.max(to, from + 1000) }, lanes, order }
}

function ranges(texts: readonly TextRange[]): { start: number; end: number }[] {
  return texts.flatMap((text) => {
    const start = instantOf(text.start)
    const end = instantOf(text.end)
    return start === null || end === null ? [] : [{ start, end: Math.max(start, end) }]
  })
}
