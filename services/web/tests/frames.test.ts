import { describe, expect, it } from 'vitest'
import { FrameTimes, momentsIn, type Frame, type FrameTile, type FrameTileWanted } from '../src/elements/player/frames'

const TILE = 4

/** Serve tiles of these ticks, as the archive does; counts how often it was asked. */
function served(pts: readonly number[], timeBase = '1/90000', entries?: readonly number[]): { frames: FrameTimes; asked: FrameTileWanted[] } {
  const asked: FrameTileWanted[] = []
  const [above = 1, below = 1] = timeBase.split('/').map(Number)
  const frames = new FrameTimes(async (wanted) => {
    asked.push(wanted)
    const number = 'tile' in wanted ? wanted.tile * TILE : Math.max(0, pts.filter((tick) => (tick * above) / below <= wanted.at).length - 1)
    const first = Math.floor(number / TILE) * TILE
    const tile: FrameTile = { time_base: timeBase, count: pts.length, tile: first / TILE, tile_frames: TILE, first, pts: pts.slice(first, first + TILE), entries: entries?.filter((entry) => entry >= first && entry < first + TILE) }
    return tile
  })
  return { frames, asked }
}

/** Frames as a body camera writes them: no two intervals are sure to be equal. */
const uneven = [0, 3000, 6006, 15000, 15001, 18000, 90000, 90300, 180000, 183003]

describe('frame times', () => {
  it('name every frame of variable rate once, in order, across tiles', async () => {
    const { frames } = served(uneven)
    const walked: Frame[] = []
    for (let number = 0; number < uneven.length; number += 1) walked.push((await frames.frame(number))!)

    expect(walked.map((frame) => frame.number)).toEqual(uneven.map((_, number) => number))
    expect(walked.map((frame) => frame.start)).toEqual(uneven.map((tick) => tick / 90000))
    expect(walked.map((frame) => frame.end)).toEqual([...uneven.slice(1).map((tick) => tick / 90000), null])
  })

  it('find the frame that is on the screen at each moment', async () => {
    const { frames } = served(uneven)

    for (const [number, tick] of uneven.entries()) {
      const next = uneven[number + 1] ?? tick + 9000
      for (const moment of [tick / 90000, (tick + next) / 2 / 90000]) expect((await frames.frameAt(moment))?.number).toBe(number)
    }
    expect((await frames.frameAt(9999))?.number).toBe(uneven.length - 1)
    expect((await frames.frameAt(-1))?.number).toBe(0)
  })

  it('read a time printed rounded down as the frame it was printed for', async () => {
    const thirds = Array.from({ length: 12 }, (_, number) => number * 512)
    const { frames } = served(thirds, '1/15360')

    for (let number = 0; number < 12; number += 1) {
      const frame = (await frames.frame(number))!
      expect(frame.micros / 1e6).toBeLessThanOrEqual(frame.start)
      expect((await frames.frameAt(frame.micros / 1e6))?.number).toBe(number)
    }
  })

  it('round down where a float would round up', async () => {
    const { frames } = served([0, 47], '1/15360') // 3059.8958… µs
    expect((await frames.frame(1))?.micros).toBe(3059)
  })

  it('are held to the first and the last', async () => {
    const { frames } = served(uneven)
    expect([(await frames.frame(-5))?.number, (await frames.frame(99))?.number]).toEqual([0, uneven.length - 1])
  })

  it('of a recording without frames are none', async () => {
    const { frames } = served([])
    expect([await frames.frame(0), await frames.frameAt(1)]).toEqual([null, null])
  })

  it('take the nearest frame for what a video says it shows, once the tile is here', async () => {
    const { frames } = served(uneven)
    expect(frames.frameNear(0.0001)).toBeNull()
    await frames.prepare(0)
    await frames.prepare(uneven[3]! / 90000)

    expect(frames.frameNear(14999.9 / 90000)?.number).toBe(3)
    expect(frames.frameNear(15000.9 / 90000)?.number).toBe(4)
    expect(frames.frameNear(2999.4 / 90000)?.number).toBe(1)
    expect(frames.frameNear(6005 / 90000)?.number).toBe(2)
  })

  it('are asked for once', async () => {
    const { frames, asked } = served(uneven)
    await Promise.all([frames.frame(0), frames.frame(1), frames.frameAt(0.01)])
    await frames.frame(2)

    expect(asked.filter((wanted) => 'tile' in wanted && wanted.tile === 0)).toHaveLength(1)
  })

  it('are asked for again after a failure', async () => {
    let fail = true
    const frames = new FrameTimes(async () => {
      if (fail) throw new Error('the line broke')
      return { time_base: '1/30', count: 1, tile: 0, tile_frames: TILE, first: 0, pts: [0] }
    })
    await expect(frames.frame(0)).rejects.toThrow('the line broke')
    fail = false

    expect((await frames.frame(0))?.number).toBe(0)
  })
})

it('seeks to a little behind the start of a frame first, then to its middle', async () => {
  const { frames } = served([0, 3000, 9000, 9090])
  const moments = async (number: number): Promise<number[]> => momentsIn((await frames.frame(number))!, 0.102)

  const [first, second] = await moments(1)
  expect(first).toBeCloseTo(3000 / 90000 + 0.004)
  expect(second).toBeCloseTo(6000 / 90000)
  expect((await moments(2))[0]).toBeCloseTo(0.1005)
  for (const moment of await moments(3)) expect([moment > 0.101, moment < 0.102]).toEqual([true, true])
})

it('takes a moment behind the end as the last frame, however the archive refuses it', async () => {
  const { frames } = served([0, 3000, 6000, 9000, 12000, 15000])
  const refusing = new FrameTimes(async (wanted) => {
    if ('at' in wanted && wanted.at >= 0.2) throw new Error('range-outside')
    const tile = 'tile' in wanted ? wanted.tile : 0
    return { time_base: '1/90000', count: 6, tile, tile_frames: TILE, first: tile * TILE, pts: [0, 3000, 6000, 9000, 12000, 15000].slice(tile * TILE, tile * TILE + TILE) }
  })

  expect((await refusing.frameAt(0.2))?.number).toBe(5)
  expect((await frames.frameAt(0.2))?.number).toBe(5)
})

describe('the range of a verbatim clip', () => {
  const pts = Array.from({ length: 20 }, (_, number) => number * 3000)
  const at = (number: number): number => Math.floor((number * 3000 * 1e6) / 90000) / 1e6

  it('grows to whole groups of pictures, across tiles', async () => {
    const { frames } = served(pts, '1/90000', [0, 5, 11, 18])

    expect(await frames.snap(at(6), at(8), 1)).toEqual({ start: at(5), end: at(11) })
    expect(await frames.snap(at(4), at(12), 1)).toEqual({ start: 0, end: at(18) })
  })

  it('stays where it already is whole', async () => {
    const { frames } = served(pts, '1/90000', [0, 5, 11, 18])
    expect(await frames.snap(at(5), at(11), 1)).toEqual({ start: at(5), end: at(11) })
  })

  it('ends with the recording behind the last entry', async () => {
    const { frames } = served(pts, '1/90000', [0, 5])
    expect(await frames.snap(at(7), at(9), 0.666666)).toEqual({ start: at(5), end: 0.666666 })
  })

  it('is not known where the archive does not say, or nothing begins before', async () => {
    expect(await served(pts).frames.snap(at(6), at(8), 1)).toBeNull()
    expect(await served(pts, '1/90000', [9]).frames.snap(at(6), at(8), 1)).toBeNull()
  })
})
