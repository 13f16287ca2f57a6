import { describe, expect, it } from 'vitest'
import { withViewing } from '../src/elements/player/joined'
import { commandOf, COMMANDS, keysOf, type KeyPress } from '../src/elements/player/keys'
import { peakColumns, peaksDuration } from '../src/elements/player/peaks'
import { parsePosition, printPosition } from '../src/elements/player/position'
import { parseStoryboard, tileAt } from '../src/elements/player/storyboard'
import { nextRate } from '../src/elements/player/transport'
import { Watched } from '../src/elements/player/watched'

const press = (code: string, more: Partial<KeyPress> = {}): KeyPress => ({ code, shiftKey: false, ctrlKey: false, altKey: false, metaKey: false, ...more })

describe('keys', () => {
  it.each([
    ['Space', 'play-pause'],
    ['KeyK', 'play-pause'],
    ['KeyI', 'set-in'],
    ['KeyC', 'clip'],
    ['KeyG', 'jump'],
  ])('%s means %s', (code, command) => {
    expect(commandOf(press(code))).toBe(command)
  })

  it('tell shifted keys apart', () => {
    expect(commandOf(press('KeyI', { shiftKey: true }))).toBe('go-in')
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
  const origin = Date.parse('2026-11-21T15:59:00.500Z') // 23:59:00.500 on the archive's clock

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

it('climbs the ladder of speeds and stays on top', () => {
  expect([1, 1.5, 2, 4, 8, 16].map(nextRate)).toEqual([1.5, 2, 4, 8, 16, 16])
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
