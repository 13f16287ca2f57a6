/** Read a storyboard: a WebVTT file whose cues name tiles of picture sheets (`sheet.jpg#xywh=0,90,160,90`). */

import { parseClock } from '../../words/time'
import { withViewing } from './joined'

export interface Tile {
  readonly start: number
  readonly end: number
  readonly sheet: string
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

const TIMING = /^(\S+)\s+-->\s+(\S+)/
const PLACE = /^(.*)#xywh=(?:pixel:)?(\d+),(\d+),(\d+),(\d+)$/

/** Read tiles in order of time; sheet addresses are resolved against `base` and keep its viewing. Cues of another form are left out. */
export function parseStoryboard(text: string, base: string): Tile[] {
  const tiles: Tile[] = []
  const viewing = new URL(base).searchParams.get('viewing')
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\r|\n/)
  for (let line = 0; line < lines.length - 1; line += 1) {
    const timing = TIMING.exec(lines[line]!)
    const place = timing && PLACE.exec(lines[line + 1]!.trim())
    if (!timing || !place) continue
    const start = parseClock(timing[1]!)
    const end = parseClock(timing[2]!)
    if (start === null || end === null) continue
    const [x, y, width, height] = place.slice(2, 6).map(Number) as [number, number, number, number]
    tiles.push({ start, end, sheet: withViewing(place[1]!, base, viewing), x, y, width, height })
  }
  return tiles.sort((left, right) => left.start - right.start)
}

/** Fetch a storyboard; null where there is none. */
export async function readStoryboard(address: string): Promise<Tile[] | null> {
  const response = await fetch(address, { credentials: 'same-origin' }).catch(() => null)
  return response?.ok ? parseStoryboard(await response.text(), response.url) : null
}

/** Find the tile shown at a position; the last one before it where cues leave a hole. */
export function tileAt(tiles: readonly Tile[], position: number): Tile | null {
  let found: Tile | null = null
  for (const tile of tiles) {
    if (tile.start > position) break
    found = tile
  }
  return found
}
