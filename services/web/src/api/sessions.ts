/** Sessions: recordings of one device or room as one timeline. Second 0 of a session's axis is its `started_at`. */

import type { ClipSource } from './clip'
import { address, ask } from './http'
import type { Timeline } from './types'

/** One recording in its place on the axis. Lengths and places in seconds. */
export interface SessionMember {
  readonly recording: string
  readonly channel: string | null
  readonly state: string
  readonly playable: boolean
  readonly started_at: string
  readonly ended_at: string
  readonly offset: number
  readonly duration: number
  readonly gap_before: number
  readonly overlap_before: number
  /** The second of the recording at which the view takes it up. */
  readonly view_start: number
  /** By what its place is known: `given`, `clock`, `sequence` or `pts`. */
  readonly method: string
  readonly uncertainty: number
}

/** How far a channel runs behind the leading one, beyond what its place says; `seconds` is null where nothing could be measured. */
export interface Skew {
  readonly seconds: number | null
  readonly score: number | null
  readonly method: string
}

export interface SessionChannel {
  readonly channel: string | null
  readonly recordings: readonly string[]
  readonly offset: number
  readonly duration: number
  /** Null for the leading channel. */
  readonly skew: Skew | null
}

export interface Session {
  readonly id: string
  readonly number: string | null
  readonly kind: string
  readonly device: string | null
  readonly method: string
  readonly started_at: string
  readonly ended_at: string
  readonly duration: number
  readonly leading: string | null
  readonly channels: readonly SessionChannel[]
  readonly members: readonly SessionMember[]
  readonly timeline: Timeline & { readonly gaps: readonly { readonly start: string; readonly end: string }[] }
}

/** How a channel is named in addresses: the one without a name by an empty text. */
export const channelKey = (channel: string | null): string => channel ?? ''

export const openSession = (name: string): Promise<Session> => ask(`/sessions/${encodeURIComponent(name)}`)

/** An empty `channel` is sent as such: it is the channel without a name, not the leading one. */
export const sessionPlaylist = (id: string, channel: string): string => `${address(`/sessions/${id}/hls/index.m3u8`)}?${new URLSearchParams({ channel })}`

export const sessionClips = (session: Session, channel: string): ClipSource => ({
  path: `/sessions/${session.id}/clip?${new URLSearchParams({ channel })}`,
  name: session.number ?? session.id,
  query: {},
})
