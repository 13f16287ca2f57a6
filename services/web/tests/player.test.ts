import { describe, expect, it } from 'vitest'
import { gapAt, markFrom } from '../src/elements/player/gaps'
import { withViewing } from '../src/elements/player/joined'
import { commandOf, COMMANDS, keysOf, type KeyPress } from '../src/elements/player/keys'
import { peakColumns, peaksDuration } from '../src/elements/player/peaks'
import { chaptersOf, gapsOf, jointsOf, stretchesOf } from '../src/elements/player/playlist'
import { parsePosition, parseRangeEnd, printPosition } from '../src/elements/player/position'
import { parseStoryboard, tileAt } from '../src/elements/player/storyboard'
import { chosenRate, nextRate } from '../src/elements/player/transport'
import { evenAxis, piecedAxis } from '../src/words/axis'
import { Watched } from '../src/elements/player/watched'

const press = (code: string, more: Partial<KeyPress> = {}): KeyPress => ({ code, shiftKey: false, ctrlKey: false, altKey: false, metaKey: false, ...more })

describe('keys', () => {
  it.each([
    ['Space', 'play-pause'],
    ['KeyK', 'play-pause'],
    ['KeyI', 'set-in'],
    ['KeyC', 'clip'],
    ['KeyG', 'jump'],
    ['Comma', 'frame-back'],
    ['Period', 'frame-forward'],
    ['ArrowDown', 'next-mark'],
    ['KeyS', 'still'],
  ])('%s means %s', (code, command) => {
    expect(commandOf(press(code))).toBe(command)
  })

  it('tell shifted keys apart', () => {
    expect(commandOf(press('KeyI', { shiftKey: true }))).toBe('go-in')
    expect(commandOf(press('KeyS', { shiftKey: true }))).toBe('cite')
    expect(commandOf(press('Slash', { shiftKey: true }))).toBe('keys')
    expect(commandOf(press('Slash'))).toBeNull()
  })

  it('leave the browser its combinations and the input method its letters', () => {
    expect(commandOf(press('KeyC', { ctrlKey: true }))).toBeNull()
    expect(commandOf(press('KeyI', { isComposing: true }))).toBeNull()
  })

  it('give every command a key that the overlay can print', () => {
    expect(COMMANDS.filter((command) => keysOf(command) === '')).toEqual([])
  })
})

describe('typed positions', () => {
  const origin = evenAxis(Date.parse('2026-11-21T15:59:00.500Z')) // 23:59:00.500 on the archive's clock

  it('are positions in the recording unless the clock is shown', () => {
    expect(parsePosition('00:01:30', 'offset', origin, 600)).toBe(90)
  })

  it('are clock times with a date in either mode', () => {
    expect(parsePosition('2026-11-21 23:59:30.500', 'offset', origin, 600)).toBe(30)
  })

  it('pass midnight on the clock', () => {
    expect(parsePosition('00:00:30', 'clock', origin, 600)).toBe(89.5)
  })

  it('take the second in which the recording began as its start', () => {
    expect(parsePosition('23:59:00', 'clock', origin, 600)).toBe(0)
    expect(parsePosition('23:59', 'clock', origin, 600)).toBe(0)
  })

  it('outside the recording are refused', () => {
    expect(parsePosition('00:20:00', 'offset', origin, 600)).toBeNull()
    expect(parsePosition('12:00:00', 'clock', origin, 600)).toBeNull()
    expect(parsePosition('2026-11-21 23:00:00', 'offset', origin, 600)).toBeNull()
  })

  it('of a range are positions where they can be, and clock times else', () => {
    expect(parseRangeEnd('00:01:30', origin, 600)).toBe(90)
    expect(parseRangeEnd('12.5', origin, 600)).toBe(12.5)
    expect(parseRangeEnd('23:59:30', origin, 600)).toBe(29.5)
    expect(parseRangeEnd('2026-11-21 23:59:30.500', origin, 600)).toBe(30)
    expect(parseRangeEnd('12:00:00', origin, 600)).toBeNull()
  })

  it('are printed with as many places as reading them back needs', () => {
    expect(printPosition(10.48)).toBe('00:00:10.480')
    expect(printPosition(10.4833335)).toBe('00:00:10.483333')
  })
})

describe('storyboard', () => {
  const text = '\uFEFFWEBVTT\r\n\r\n00:00:00.000 --> 00:00:05.000\r\nsheet.jpg#xywh=0,0,160,90\r\n\r\n00:05.000 --> 00:10.000\nsheet.jpg?a=1#xywh=160,90,160,90\n\nNOTE x\n'
  const tiles = parseStoryboard(text, 'http://archive/r/1/thumbnails.vtt?viewing=v1')

  it('is read with the sheets joined to the viewing', () => {
    expect(tiles).toHaveLength(2)
    expect(tiles[1]).toMatchObject({ start: 5, end: 10, x: 160, y: 90, width: 160, height: 90 })
    expect(tiles[0]!.sheet).toBe('http://archive/r/1/sheet.jpg?viewing=v1')
    expect(tiles[1]!.sheet).toBe('http://archive/r/1/sheet.jpg?a=1&viewing=v1')
  })

  it('shows the tile of a position, the last one beyond the end', () => {
    expect([0, 4.99, 5, 99].map((position) => tileAt(tiles, position)?.start)).toEqual([0, 0, 5, 5])
    expect(tileAt([], 3)).toBeNull()
  })
})

it('joins an address to a viewing once', () => {
  expect(withViewing('media.mp4', 'http://archive/r/1/hls/index.m3u8', 'v1')).toBe('http://archive/r/1/hls/media.mp4?viewing=v1')
  expect(withViewing('media.mp4?viewing=v0', 'http://archive/r/1/', 'v1')).toBe('http://archive/r/1/media.mp4?viewing=v0')
})

describe('sound peaks', () => {
  const peaks = { version: 2, channels: 2, sample_rate: 100, samples_per_pixel: 10, bits: 8, length: 4, data: [-128, 0, 0, 64, -1, 1, -1, 1, 0, 0, 0, 0, -64, 127, 0, 0] }

  it('cover pixels times samples', () => {
    expect(peaksDuration(peaks)).toBeCloseTo(0.4)
  })

  it('join channels and keep the loudest of each column', () => {
    const columns = peakColumns(peaks, 2, 0.4)

    expect(columns[0]).toEqual([-1, 0.5])
    expect(columns[1]).toEqual([-0.5, 127 / 128])
  })

  it('are silent after the sound has ended', () => {
    expect(peakColumns(peaks, 4, 0.8).slice(2)).toEqual([
      [0, 0],
      [0, 0],
    ])
  })
})

describe('gaps and marks', () => {
  const gaps = [
    [10, 30],
    [50, 51],
  ] as const

  it('are where nothing was recorded; the end of a gap is not in it', () => {
    expect([9.9, 10, 29.9, 30, 50.5].map((position) => gapAt(gaps, position)?.[0] ?? null)).toEqual([null, 10, 10, null, 50])
  })

  it('are seen a little before by a player that waits there', () => {
    expect(gapAt(gaps, 9.8, 0.3)).toEqual([10, 30])
    expect(gapAt(gaps, 9.6, 0.3)).toBeNull()
  })

  it('lead from one to the next, and leave the one where one stands', () => {
    expect([0, 10, 30, 50].map((position) => markFrom([50, 10], position, 1))).toEqual([10, 50, 50, null])
    expect([60, 50, 10].map((position) => markFrom([50, 10], position, -1))).toEqual([50, 10, null])
  })
})

it('climbs the ladder of speeds and stays on top', () => {
  expect([1, 1.5, 2, 4, 8, 16].map(nextRate)).toEqual([1.5, 2, 4, 8, 16, 16])
})

it('shows the speed that was chosen, not a correction of it', () => {
  expect([1, 0.93, 1.1, 1.5, 1.42, 16].map(chosenRate)).toEqual([1, 1, 1, 1.5, 1.5, 16])
})

describe('a playlist of several recordings', () => {
  const text = [
    '#EXTM3U',
    '#EXT-X-MAP:URI="../a/init.mp4"',
    '#EXT-X-PROGRAM-DATE-TIME:2026-03-02T02:00:00.000Z',
    '#EXTINF:4.000000,',
    'a/0.m4s',
    '#EXTINF:1.000000,',
    'a/1.m4s',
    '#EXT-X-DISCONTINUITY',
    '#EXT-X-MAP:URI="../b/init.mp4"',
    '#EXT-X-PROGRAM-DATE-TIME:2026-03-02T02:00:04.500Z',
    '#EXTINF:5.500000,',
    'b/0.m4s',
    '#EXT-X-DISCONTINUITY',
    '#EXT-X-PROGRAM-DATE-TIME:2026-03-02T02:00:10.000Z',
    '#EXT-X-GAP',
    '#EXTINF:2.000000,',
    'gap',
    '#EXT-X-GAP',
    '#EXTINF:1.000000,',
    'gap',
    '#EXT-X-DISCONTINUITY',
    '#EXT-X-PROGRAM-DATE-TIME:2026-03-02T02:00:13.000Z',
    '#EXTINF:3.000000,',
    'c/0.m4s',
    '#EXT-X-ENDLIST',
  ].join('\n')
  const chapters = chaptersOf(text)
  const second = (position: number): number => Date.parse('2026-03-02T02:00:00Z') + position * 1000

  it('has a chapter for each recording and each gap', () => {
    expect(chapters.map(({ start, length, gap }) => [start, length, gap])).toEqual([
      [0, 5, false],
      [5, 5.5, false],
      [10.5, 3, true],
      [13.5, 3, false],
    ])
    expect(gapsOf(chapters)).toEqual([[10.5, 13.5]])
    expect(jointsOf(chapters)).toEqual([5])
  })

  it('tells the clock at every position, and the position of every instant', () => {
    const axis = piecedAxis(stretchesOf(chapters))!

    expect([0, 4.9, 5, 10.5, 13.5, 16].map((position) => (axis.instantAt(position) - second(0)) / 1000)).toEqual([0, 4.9, 4.5, 10, 13, 15.5])
    expect([0, 4.5, 4.75, 10, 11, 13, 15].map((moment) => axis.positionAt(second(moment)))).toEqual([0, 5, 5.25, 10.5, 11.5, 13.5, 15.5])
  })

  it('of one recording is one chapter, without a clock where none is told', () => {
    const plain = chaptersOf('#EXTM3U\n#EXTINF:4,\na\n#EXTINF:2,\nb\n')
    expect([plain.length, plain[0]!.length, piecedAxis(stretchesOf(plain))]).toEqual([1, 6, null])
  })
})

describe('watched ranges', () => {
  it('grow while playing and leave out what was jumped over', () => {
    const watched = new Watched()
    for (const position of [0, 0.25, 0.5, 30, 30.25]) watched.note(position, 1)

    expect(watched.intervals).toEqual([
      [0, 0.5],
      [30, 30.25],
    ])
  })

  it('take longer steps at higher speed', () => {
    const watched = new Watched()
    for (const position of [0, 3, 6]) watched.note(position, 16)

    expect(watched.intervals).toEqual([[0, 6]])
  })

  it('do not join over a pause', () => {
    const watched = new Watched()
    watched.note(1, 1)
    watched.lift()
    watched.note(1.5, 1)

    expect(watched.intervals).toEqual([])
  })
})
