import { describe, expect, it } from 'vitest'
import { fieldToRfc3339, formatClock, formatInstant, formatLength, parseClock, formatMicros, parseFragment, parseInstant, parsePlace } from '../src/words/time'

describe('clock text', () => {
  it.each([
    ['0', 0],
    ['75.5', 75.5],
    ['01:05', 65],
    ['00:27:41.120', 1661.12],
    ['26:00:00', 93_600],
    ['１：０５', 65],
  ])('reads %s as %d seconds', (text, seconds) => {
    expect(parseClock(text)).toBeCloseTo(seconds, 9)
  })

  it.each(['', 'abc', '1:60', '00:61:00', '-5', '1:2:3:4', '00:00:60', '12.1234567'])('refuses %s', (text) => {
    expect(parseClock(text)).toBeNull()
  })

  it('prints rounded down, so that the printed start includes its frame', () => {
    expect(formatClock(41.9999)).toBe('00:00:41.999')
    expect(formatClock(12.479999999999)).toBe('00:00:12.480')
    expect(formatClock(93_600.5, 0)).toBe('26:00:00')
  })

  it('gives back every printed millisecond unchanged', () => {
    for (let milliseconds = 0; milliseconds < 200_000; milliseconds += 37) {
      expect(formatClock(parseClock(formatClock(milliseconds / 1000))!)).toBe(formatClock(milliseconds / 1000))
    }
  })

  it('prints lengths briefly', () => {
    expect([0, 67, 1661, 9605].map(formatLength)).toEqual(['0:00', '1:07', '27:41', '2:40:05'])
  })
})

describe('instants', () => {
  it('are read and printed on UTC+8', () => {
    const instant = parseInstant('2026-11-21 14:03:12.240')!

    expect(new Date(instant).toISOString()).toBe('2026-11-21T06:03:12.240Z')
    expect(formatInstant(instant, 3)).toBe('2026-11-21 14:03:12.240')
  })

  it('refuse a day that the month lacks', () => {
    expect(parseInstant('2026-02-30 10:00')).toBeNull()
    expect(parseInstant('2026-02-28 24:00')).toBeNull()
  })

  it('leave a form with their offset', () => {
    expect(fieldToRfc3339('2026-11-21T08:30')).toBe('2026-11-21T08:30:00+08:00')
    expect(fieldToRfc3339('')).toBeNull()
  })
})

describe('places in links', () => {
  const origin = Date.parse('2026-11-21T06:03:12Z')

  it.each([
    ['#t=12.5', { start: 12.5, end: null }],
    ['#t=10,20', { start: 10, end: 20 }],
    ['#t=,20', { start: 0, end: 20 }],
    ['#t=npt:00:01:00,00:02:00', { start: 60, end: 120 }],
    ['#t=clock:2026-11-21T06:04:12Z', { start: 60, end: null }],
  ])('reads %s', (fragment, position) => {
    expect(parseFragment(fragment, origin)).toEqual(position)
  })

  it.each(['', '#x=1', '#t=abc', '#t=1,abc', '#t=clock:never'])('finds no place in %s', (fragment) => {
    expect(parseFragment(fragment, origin)).toBeNull()
  })

  it('needs the start of the recording for a clock time', () => {
    expect(parseFragment('#t=clock:2026-11-21T06:04:12Z', null)).toBeNull()
  })
})

it('leads from a page address, by query or fragment', () => {
  expect(parsePlace('12.5', '', null)).toEqual({ start: 12.5, end: null })
  expect(parsePlace('00:01:00,00:02:00', '#t=3', null)).toEqual({ start: 60, end: 120 })
  expect(parsePlace(undefined, '#t=3', null)).toEqual({ start: 3, end: null })
  expect(parsePlace('clock:2026-11-21T06:03:12Z', '', Date.parse('2026-11-21T06:03:00Z'))).toEqual({ start: 12, end: null })
  expect(parsePlace('nonsense', '', null)).toBeNull()
})

it('prints microseconds exactly', () => {
  expect([0, 3_333_333, 7_200_000_001].map(formatMicros)).toEqual(['00:00:00.000000', '00:00:03.333333', '02:00:00.000001'])
})
