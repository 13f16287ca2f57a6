/** Know the time of one channel of a session: what its playlist plays when. */

import { piecedAxis, type Axis } from '../../words/axis'
import type { Interval } from '../../words/intervals'
import { chaptersOf, gapsOf, jointsOf, stretchesOf, type Chapter } from '../player/playlist'
import type { Part, Playable } from './instep'

export interface ChannelTime {
  readonly chapters: readonly Chapter[]
  readonly axis: Axis
  readonly gaps: readonly Interval[]
  readonly joints: readonly number[]
  /** Seconds of the whole playlist. */
  readonly length: number
}

/** Read a session's playlist; null if it tells no clock time. */
export function channelTime(playlist: string): ChannelTime | null {
  const chapters = chaptersOf(playlist)
  const axis = piecedAxis(stretchesOf(chapters))
  const length = chapters.reduce((sum, chapter) => sum + chapter.length, 0)
  return axis && { chapters, axis, gaps: gapsOf(chapters), joints: jointsOf(chapters), length }
}

/** Seconds of the session's axis, which began at `origin`, at a position of the channel. */
export function momentAt(time: ChannelTime, origin: number, position: number): number {
  return (time.axis.instantAt(position) - origin) / 1000
}

/** Position of the channel at a moment of the session; null where it holds nothing then. */
export function positionAt(time: ChannelTime, origin: number, moment: number): number | null {
  const position = time.axis.positionAt(origin + moment * 1000)
  const inGap = time.gaps.some(([start, end]) => position >= start && position < end)
  return position < 0 || position >= time.length || inGap ? null : position
}

/** Let a video be played in step; `lag` is by how many seconds it shows things later than its place says. */
export function partOf(key: string, video: Playable, time: ChannelTime, origin: number, lag: number): Part {
  return {
    key,
    video,
    momentOf: (position) => momentAt(time, origin, position) - lag,
    timeOf: (moment) => positionAt(time, origin, moment + lag),
  }
}

/** One recording's part of what was watched: its look, and ranges in its own seconds. */
export interface WatchedPart {
  readonly recording: string
  readonly viewing: string
  readonly ranges: readonly Interval[]
}

const LOOK = /recordings\/([0-9a-f-]{36})\/[^?]*\?(?:[^#]*&)?viewing=([^&#]+)/

/** Part what was watched of a channel among its recordings, which began at `startOf` (milliseconds since 1970). */
export function watchedParts(time: ChannelTime, watched: readonly Interval[], startOf: (recording: string) => number | null): WatchedPart[] {
  return time.chapters.flatMap(({ start, length, address }) => {
    const look = LOOK.exec(address)
    const began = look && startOf(look[1]!)
    if (!look || began === null) return []
    const second = (position: number): number => Math.max(0, (time.axis.instantAt(position) - began) / 1000)
    const ranges = watched.flatMap(([from, to]): Interval[] => {
      const [low, high] = [Math.max(from, start), Math.min(to, start + length)]
      return high > low ? [[second(low), second(low) + high - low]] : []
    })
    return [{ recording: look[1]!, viewing: look[2]!, ranges }]
  })
}
