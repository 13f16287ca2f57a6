/**
 * Know when each frame of a recording is shown, exactly, so that the player can go from one to the next.
 *
 * Body cameras record at variable rate: "one twenty-fifth of a second on" shows some frames twice and
 * passes over others. The archive gives the times of all frames in tiles; a tile is read when it is needed.
 */

/** One tile as `/recordings/{id}/frames` gives it: the times of frames `first`, `first + 1`, … in ticks. */
export interface FrameTile {
  /** Seconds of one tick, as a fraction: `1/90000`. */
  readonly time_base: string
  /** Frames of the whole recording. */
  readonly count: number
  readonly tile: number
  readonly tile_frames: number
  readonly first: number
  readonly pts: readonly number[]
  /** Numbers of the tile's frames at which a verbatim clip may begin; absent where the archive does not say. */
  readonly entries?: readonly number[]
}

export type FrameTileWanted = { readonly tile: number } | { readonly at: number }

/** One frame: its number, counted from 0, and `[start, end)` in seconds. */
export interface Frame {
  readonly number: number
  readonly start: number
  /** When the next frame is shown; null for the last one, or while the next tile is not here. */
  readonly end: number | null
  /** `start` in whole microseconds, rounded down as every printed time: given back, it includes this frame. */
  readonly micros: number
}

/** A position that was printed rounded down still means its frame. */
const ROUNDED_S = 1.5e-6

export class FrameTimes {
  private tiles = new Map<number, FrameTile>()
  private asked = new Map<string, Promise<FrameTile>>()

  constructor(private readonly load: (wanted: FrameTileWanted) => Promise<FrameTile>) {}

  /** Frames of the recording; null before the first tile has come. */
  get count(): number | null {
    for (const tile of this.tiles.values()) return tile.count
    return null
  }

  /** Give frame `number`, held to the first and the last; null for a recording without frames. */
  async frame(number: number): Promise<Frame | null> {
    const some = this.any() ?? (await this.read({ tile: 0 }))
    if (some.count === 0) return null
    const held = Math.max(0, Math.min(some.count - 1, Math.trunc(number)))
    await this.tile(held, some.tile_frames)
    // the end of a tile's last frame is the beginning of the next tile
    if (held + 1 < some.count) await this.tile(held + 1, some.tile_frames)
    return this.known(held)
  }

  /** Give the frame that is on the screen at `position`; null for a recording without frames. */
  async frameAt(position: number): Promise<Frame | null> {
    await this.prepare(position)
    const number = this.find(position + ROUNDED_S)
    return number === null ? null : this.frame(number)
  }

  /** Give the frame whose time is nearest to `time`, as a video tells of the frame it has just shown; null while its tile is not here. */
  frameNear(time: number): Frame | null {
    const number = this.find(time + ROUNDED_S)
    const frame = number === null ? null : this.known(number)
    if (!frame || frame.end === null || time - frame.start <= frame.end - time) return frame
    return this.known(frame.number + 1)
  }

  /**
   * Give the range that a verbatim clip of `[start, end)` has: from the entry at or before its first frame to the
   * one at or after its end, or to the recording's end at `duration`. Null where entries are not known, or none
   * lies before.
   */
  async snap(start: number, end: number, duration: number): Promise<{ start: number; end: number } | null> {
    const [first, last] = [await this.frameAt(start), await this.frameAt(Math.max(start, end - 3 * ROUNDED_S))]
    if (!first || !last) return null
    const from = await this.entry(first.number, -1)
    if (from === null) return null
    const to = await this.entry(last.number + 1, 1)
    const [begin, stop] = [await this.frame(from), to === null ? null : await this.frame(to)]
    return begin && { start: begin.micros / 1e6, end: stop ? stop.micros / 1e6 : Math.max(duration, end) }
  }

  /** Find the nearest entry from `number` on, in one direction; null if there is none. */
  private async entry(number: number, direction: 1 | -1): Promise<number | null> {
    const some = this.any() ?? (await this.read({ tile: 0 }))
    let place = Math.floor(number / some.tile_frames)
    while (place >= 0 && place * some.tile_frames < some.count) {
      const { entries } = await this.tile(place * some.tile_frames, some.tile_frames)
      const found = direction > 0 ? entries?.find((entry) => entry >= number) : entries?.filter((entry) => entry <= number).pop()
      if (found !== undefined || entries === undefined) return found ?? null
      place += direction
    }
    return null
  }

  /** Read what is needed to know the frame at `position`: its tile, and the next one behind its last frame. */
  async prepare(position: number): Promise<void> {
    const moment = Math.max(0, position) + ROUNDED_S
    if (this.find(moment) !== null) return
    const tile = await this.around(moment)
    const behind = tile.first + tile.pts.length
    const last = tile.pts[tile.pts.length - 1]
    if (behind < tile.count && last !== undefined && secondsOfTicks(tile, last) <= moment) await this.tile(behind, tile.tile_frames)
  }

  /** The archive refuses moments behind the end, which mean the last frame here. */
  private async around(moment: number): Promise<FrameTile> {
    try {
      return await this.read({ at: moment })
    } catch (error) {
      const some = this.any() ?? (await this.read({ tile: 0 }))
      const last = Math.floor((some.count - 1) / some.tile_frames) * some.tile_frames
      const tile = await this.tile(Math.max(0, last), some.tile_frames)
      const end = tile.pts[tile.pts.length - 1]
      if (end === undefined || secondsOfTicks(tile, end) > moment) throw error
      return tile
    }
  }

  private any(): FrameTile | null {
    for (const tile of this.tiles.values()) return tile
    return null
  }

  private known(number: number): Frame | null {
    const some = this.any()
    const tile = some && this.tiles.get(Math.floor(number / some.tile_frames))
    const ticks = tile?.pts[number - tile.first]
    if (!tile || ticks === undefined) return null
    const next = tile.pts[number - tile.first + 1] ?? this.tiles.get(tile.tile + 1)?.pts[0]
    return { number, start: secondsOfTicks(tile, ticks), end: next === undefined ? null : secondsOfTicks(tile, next), micros: microsOfTicks(tile, ticks) }
  }

  /** Find the last frame that begins at or before `moment`; null while it cannot be told. */
  private find(moment: number): number | null {
    for (const tile of this.tiles.values()) {
      const first = tile.pts[0]
      const last = tile.pts[tile.pts.length - 1]
      if (first === undefined || last === undefined) continue
      const after = this.tiles.get(tile.tile + 1)?.pts[0]
      const from = tile.first === 0 ? -Infinity : secondsOfTicks(tile, first)
      const until = tile.first + tile.pts.length >= tile.count ? Infinity : secondsOfTicks(tile, after ?? last)
      if (moment >= from && moment < until) return tile.first + placeIn(tile, moment)
    }
    return null
  }

  private async tile(number: number, tileFrames: number): Promise<FrameTile> {
    const tile = Math.floor(number / tileFrames)
    return this.tiles.get(tile) ?? (await this.read({ tile }))
  }

  /** Ask once for what is asked for twice at the same time. */
  private read(wanted: FrameTileWanted): Promise<FrameTile> {
    const key = JSON.stringify(wanted)
    const running = this.asked.get(key)
    if (running) return running
    const asking = this.load(wanted)
      .then((tile) => {
        this.tiles.set(tile.tile, tile)
        return tile
      })
      .finally(() => this.asked.delete(key))
    this.asked.set(key, asking)
    return asking
  }
}

/** So far into a frame a rounded time still means it, at 100 frames a second and more. */
const SAFE_S = 0.004

/**
 * Choose moments of a frame at which a seek shows it, the best first.
 *
 * A little behind its start: of variable rate with B-frames, a browser believes that a frame lasts as long as the one
 * *coded* before it, and passes over a long one when asked for its middle (seen in Chromium with MSE). Then the middle.
 */
export function momentsIn(frame: Frame, duration: number): number[] {
  const half = ((frame.end ?? Math.max(duration, frame.start)) - frame.start) / 2
  return [frame.start + Math.min(half, SAFE_S), frame.start + half]
}

/** The place in a tile of the last frame that begins at or before `moment`; the first where none does. */
function placeIn(tile: FrameTile, moment: number): number {
  let low = 0
  let high = tile.pts.length - 1
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    if (secondsOfTicks(tile, tile.pts[middle]!) <= moment) low = middle
    else high = middle - 1
  }
  return low
}

function baseOf(tile: FrameTile): readonly [number, number] {
  const [above = 1, below = 1] = tile.time_base.split('/').map(Number)
  return [above, below]
}

function secondsOfTicks(tile: FrameTile, ticks: number): number {
  const [above, below] = baseOf(tile)
  return (ticks * above) / below
}

/** Whole numbers throughout: a float would round some times up, past their frame. */
function microsOfTicks(tile: FrameTile, ticks: number): number {
  const [above, below] = baseOf(tile)
  return Number((BigInt(ticks) * BigInt(above) * BigInt(1_000_000)) / BigInt(below))
}
