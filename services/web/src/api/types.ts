/** The shapes of the public API that the pages use. Lists are keyset pages; numbers of cases, units and people are text. */

import type { Field } from '../proofs/entry'

export interface Page<T> {
  readonly items: readonly T[]
  readonly next: string | null
}

export interface Person {
  readonly id: string
  readonly name: string
  readonly role: string
  readonly unit: { readonly id: string; readonly number: string; readonly name: string } | null
  readonly rights: readonly string[]
  readonly csrf: string | null
  readonly language: string | null
}

export type Credentials = { readonly name: string; readonly password: string } | { readonly link: string }

export interface Upload {
  readonly id: string
  readonly filename: string
  readonly state: string
  readonly reason: string | null
  /** Null while only the upload's gate knows it. */
  readonly offset: number | null
  readonly size: number
  readonly sha256: string | null
  readonly recording: string | null
  readonly duplicate: boolean
  readonly created_at: string
  readonly device: string | null
  readonly officer: string | null
  readonly kind: string | null
}

export interface CaseSummary {
  readonly number: string
  readonly title: string | null
  readonly kind: string | null
  readonly stage: string | null
  readonly unit: string | null
  readonly accepted_at: string | null
  readonly recordings: number
}

export interface CaseFile extends Omit<CaseSummary, 'recordings'> {
  readonly filed_at: string | null
  readonly closed_at: string | null
  readonly officers: readonly string[]
  readonly incidents: readonly string[]
}

export interface TimelineSpan {
  readonly recording: string
  readonly start: string
  readonly end: string
}

export interface TimelineLane {
  readonly key: string
  readonly label: string
  readonly spans: readonly TimelineSpan[]
  readonly gaps: readonly { readonly start: string; readonly end: string }[]
}

export interface Timeline {
  readonly from: string | null
  readonly to: string | null
  readonly lanes: readonly TimelineLane[]
  readonly overlaps: readonly { readonly start: string; readonly end: string; readonly recordings: readonly string[] }[]
}

/** Who found nothing in a flag, when and why. */
export interface Dismissal {
  readonly by: string
  readonly at: string
  readonly reason: string
}

/** What a machine found. Lists give the first four values; a recording's own list gives all of them. */
export interface Flag {
  readonly kind: string
  readonly start: number | null
  readonly end: number | null
  readonly detail: string | null
  readonly id?: string
  /** Empty where the file itself says so. */
  readonly detector?: string
  readonly version?: string
  /** From 0 to 1: how plain it is; null where there is nothing to measure. */
  readonly score?: number | null
  readonly channel?: string
  readonly dismissed?: Dismissal | null
}

export interface Recording {
  readonly id: string
  readonly state: string
  readonly kind: string | null
  readonly unit: string | null
  readonly officer: string | null
  readonly device: string | null
  readonly started_at: string | null
  readonly ended_at: string | null
  readonly duration: number | null
  readonly size: number
  readonly sha256: string
  readonly flags: readonly Flag[]
  readonly cases: readonly string[]
  readonly incidents: readonly string[]
}

/** Facts whose names depend on the container and the dock; the pages show whatever is there. */
export type Facts = Readonly<Record<string, unknown>>

/** `target` is `case` or `incident`. */
export interface Link {
  readonly id: string
  readonly target: string
  readonly number: string
  readonly origin: string
  readonly score: number | null
  readonly reasons: readonly (string | Facts)[]
}

export interface RecordingFacts extends Recording {
  readonly filename: string | null
  readonly received_at: string | null
  readonly clock_offset: number | null
  readonly container: string | null
  readonly streams: readonly Facts[]
  readonly playable: boolean
  readonly progress: number | null
  readonly arrivals: readonly Facts[]
  readonly category: string | null
  readonly grade: number | string | null
  readonly note: string | null
  readonly retention: { readonly until: string | null; readonly rule: string | null } | null
  readonly links: readonly Link[]
  /** Kinds of the copies that were made of it. */
  readonly renditions?: readonly string[]
  /** The session it belongs to, and its channel there. */
  readonly session?: string | null
  readonly channel?: string | null
}

export interface HistoryLine {
  readonly n: number
  /** Its place in the log; null while it waits for one. */
  readonly index: number | null
  /** The entry's exact bytes, as text, and what it committed to: what its proof needs. */
  readonly entry: string
  readonly fields: readonly Field[]
  /** It came back after a restore, and its values did not. */
  readonly values_lost?: boolean
  readonly at: string
  readonly event: string
  readonly actor: string | null
  readonly detail: Facts | string | null
  /** Names of values that this reader may not see. */
  readonly withheld?: readonly string[]
}

export interface LinkProposal {
  readonly id: string
  readonly recording: string
  readonly officer: string | null
  readonly started_at: string | null
  readonly target: string
  readonly number: string
  readonly score: number | null
  readonly reasons: readonly (string | Facts)[]
  readonly created_at: string
}

export interface ViewingPurpose {
  readonly reason?: string
  readonly purpose?: string
}

/** Sound peaks as audiowaveform writes them: pairs of minimum and maximum. Source: its JSON data format, version 2. */
export interface Peaks {
  readonly version: number
  readonly channels: number
  readonly sample_rate: number
  readonly samples_per_pixel: number
  readonly bits: number
  readonly length: number
  readonly data: readonly number[]
}

export interface RecordingFilter {
  readonly q?: string
  readonly kind?: string
  readonly state?: string
  readonly flag?: string
  readonly from?: string
  readonly to?: string
  readonly officer?: string
  readonly device?: string
  readonly case?: string
  readonly incident?: string
}
