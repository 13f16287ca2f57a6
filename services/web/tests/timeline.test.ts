import { describe, expect, it } from 'vitest'
import { fit, instantAt, pan, reveal, shareOf, ticks, zoom } from '../src/elements/timeline/axis'
import { swimlanes } from '../src/elements/timeline/lanes'

const at = (clock: string): number => Date.parse(`2026-11-21T${clock}Z`)
const day = { from: at('00:00:00'), to: at('12:00:00') }

describe('axis', () => {
  it('keeps the anchor where it is when zoomed', () => {
    const whole = fit(day)
    const anchor = at('03:00:00')
    const closer = zoom(whole, 4, anchor, whole)

    expect(shareOf(closer, anchor)).toBeCloseTo(shareOf(whole, anchor))
    expect(closer.to - closer.from).toBeCloseTo((whole.to - whole.from) / 4)
  })

  it('is never closer than ten seconds nor wider than everything', () => {
    const whole = fit(day)
    let view = whole
    for (let step = 0; step < 40; step += 1) view = zoom(view, 2, at('06:00:00'), whole)

    expect(view.to - view.from).toBeCloseTo(10_000)
    expect(zoom(whole, 0.5, at('06:00:00'), whole)).toEqual(whole)
  })

  it('stops at both ends when moved', () => {
    const whole = fit(day)
    const view = zoom(whole, 2, whole.from, whole)

    expect(pan(view, -5, whole).from).toBe(whole.from)
    expect(pan(view, 5, whole).to).toBe(whole.to)
  })

  it('brings a recording into view, and does not move when it is there', () => {
    const whole = fit(day)
    const view = { from: at('01:00:00'), to: at('02:00:00') }
    const moved = reveal(view, at('10:00:00'), at('10:05:00'), whole)

    expect(moved.from).toBeLessThanOrEqual(at('10:00:00'))
    expect(moved.to).toBeGreaterThanOrEqual(at('10:05:00'))
    expect(reveal(view, at('01:10:00'), at('01:20:00'), whole)).toBe(view)
  })

  it('turns shares into instants and back', () => {
    expect(instantAt(day, shareOf(day, at('05:17:03')))).toBe(at('05:17:03'))
  })

  it('marks round times of the archive clock, with the date first and at midnight', () => {
    const marks = ticks({ from: at('14:10:00'), to: at('18:10:00') }, 10) // 22:10 to 02:10 on UTC+8

    expect(marks.map((mark) => mark.label)).toEqual(['11-21 22:30', '23:00', '23:30', '11-22 00:00', '00:30', '01:00', '01:30', '02:00'])
    expect(marks.filter((mark) => mark.dated)).toHaveLength(2)
  })

  it('never marks more than asked for', () => {
    for (const hours of [0.01, 1, 30, 24 * 400]) {
      expect(ticks({ from: day.from, to: day.from + hours * 3_600_000 }, 8).length).toBeLessThanOrEqual(9)
    }
  })
})

describe('swimlanes', () => {
  const text = (clock: string): string => `2026-11-21T${clock}+00:00`
  const timeline = {
    from: text('06:00:00'),
    to: text('07:00:00'),
    lanes: [
      { key: 'b', label: 'B', spans: [{ recording: 'r2', start: text('06:20:00'), end: text('06:50:00') }], gaps: [] },
      {
        key: 'a',
        label: 'A',
        spans: [
          { recording: 'r1', start: text('06:00:00'), end: text('06:30:00') },
          { recording: 'r3', start: text('06:33:12'), end: text('07:00:00') },
        ],
        gaps: [{ start: text('06:30:00'), end: text('06:33:12') }],
      },
    ],
    overlaps: [{ start: text('06:20:00'), end: text('06:30:00'), recordings: ['r1', 'r2'] }],
  }

  it('walk all recordings in order of time, whatever their lane', () => {
    expect(swimlanes(timeline)!.order.map((span) => span.recording)).toEqual(['r1', 'r2', 'r3'])
  })

  it('show an overlap in each lane that takes part', () => {
    const [b, a] = swimlanes(timeline)!.lanes

    expect(b!.overlaps).toEqual([{ start: at('06:20:00'), end: at('06:30:00') }])
    expect(a!.overlaps).toHaveLength(1)
    expect(a!.gaps).toEqual([{ start: at('06:30:00'), end: at('06:33:12') }])
  })

  it('are nothing when no recording has a time', () => {
    expect(swimlanes({ from: null, to: null, lanes: [], overlaps: [] })).toBeNull()
  })
})
