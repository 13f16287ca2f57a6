/** Read what a playlist says of its own time: what was filmed when, where nothing was, where recordings join. */

import type { Interval } from '../../words/intervals'
import type { Stretch } from '../../words/axis'

/** A run of segments of one recording, or of a gap. `address` is its first segment's. */
export interface Chapter {
  readonly start: number
  readonly length: number
  readonly instant: number | null
  readonly gap: boolean
  readonly address: string
}

/** Read the chapters of a media playlist. Source: RFC 8216 sections 4.3.2 and 4.4; EXT-X-GAP as its second edition has it. */
export function chaptersOf(text: string): Chapter[] {
  const chapters: { start: number; length: number; instant: number | null; gap: boolean; address: string }[] = []
  let [at, length] = [0, 0]
  let [broken, gap] = [true, false]
  let instant: number | null = null
  for (const line of text.split(/\r?\n/)) {
    if (line.startsWith('#EXTINF:')) length = Number.parseFloat(line.slice('#EXTINF:'.length)) || 0
    else if (line === '#EXT-X-DISCONTINUITY') broken = true
    else if (line === '#EXT-X-GAP') gap = true
    else if (line.startsWith('#EXT-X-PROGRAM-DATE-TIME:')) instant = Date.parse(line.slice('#EXT-X-PROGRAM-DATE-TIME:'.length))
    else if (line !== '' && !line.startsWith('#')) {
      const current = chapters[chapters.length - 1]
      if (!current || broken || current.gap !== gap) chapters.push({ start: at, length, instant, gap, address: line })
      else current.length += length
      at += length
      ;[broken, gap, instant] = [false, false, null]
    }
  }
  return chapters
}

/** Where nothing was recorded, or can be played. */
export function gapsOf(chapters: readonly Chapter[]): Interval[] {
  return chapters.filter((chapter) => chapter.gap).map(({ start, length }) => [start, start + length])
}

/** Where one recording ends and the next begins without a gap between. */
export function jointsOf(chapters: readonly Chapter[]): number[] {
  return chapters.filter((chapter, index) => index > 0 && !chapter.gap && !chapters[index - 1]!.gap).map(({ start }) => start)
}

/** What the chapters say of the clock; a chapter without a time goes on from the one before. */
export function stretchesOf(chapters: readonly Chapter[]): Stretch[] {
  const stretches: Stretch[] = []
  for (const { start, length, instant } of chapters) {
    const last = stretches[stretches.length - 1]
    if (instant !== null && !Number.isNaN(instant)) stretches.push({ start, length, instant })
    else if (last) stretches[stretches.length - 1] = { ...last, length: start + length - last.start }
  }
  return stretches
}
