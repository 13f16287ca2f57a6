import { describe, expect, it } from 'vitest'
import type { Card } from '../src/api/checks'
import { bundlePath } from '../src/api/ledger'
import { definitionOf, emptyDraft, emptyStratum, surelyFound, usualStrata, type CheckDraft } from '../src/components/checkDraft'
import { isComplete, needsRange, wantedOf, type ItemDraft } from '../src/components/exporting'
import { useReviewing } from '../src/components/reviewing'
import { keysOf } from '../src/session/ledger'

describe('a bundle of entries', () => {
  /** Source: C2SP tlog-tiles, "Tiles". */
  it.each([
    [0, 256, 'entries/000'],
    [273, 256, 'entries/273'],
    [1234067, 256, 'entries/x001/x234/067'],
    [1000, 1, 'entries/x001/000.p/1'],
    [0, 12, 'entries/000.p/12'],
  ])('number %i of width %i lies at %s', (number, width, path) => {
    expect(bundlePath(number, width)).toBe(path)
  })
})

describe('keys of the log', () => {
  it('of a kind that is not known are left out', () => {
    expect(keysOf(['log.example/1+63ae91f5+Af0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY', 'log.example/1+0+x', '']).map((key) => key.name)).toEqual(['log.example/1'])
  })
})

describe('the definition of a spot check', () => {
  const draft = (given: Partial<CheckDraft>): CheckDraft => ({ ...emptyDraft('D1'), programme: ' 每月抽查 ', from: '2026-03-01', to: '2026-04-01', ...given })

  it('says days on the archive’s clock, and nothing that was left open', () => {
    const told = definitionOf(draft({}))

    expect(told).toMatchObject({ programme: '每月抽查', unit: 'D1', from: '2026-03-01T00:00:00+08:00', to: '2026-04-01T00:00:00+08:00', filter: {}, strata: [], seed_sources: [] })
    expect(told).not.toHaveProperty('reveal_within')
    expect(told).not.toHaveProperty('reason')
  })

  it('says what was chosen, each stratum with its own number or its share', () => {
    const strata = [
      emptyStratum({ name: '盘查', kind: 'body', category: 'STOP_CHECK', size: 10 }),
      emptyStratum({ name: '投诉', incidentTypes: ' 投诉，举报、 ', linked: 'yes' }),
      emptyStratum({ name: '其他' }),
    ]
    const told = definitionOf(draft({ kinds: ['body'], minLength: 60, strata, sources: [{ kind: 'nonce', by: '甲', commitment: '00' }], revealDays: 2 }))

    expect(told.filter).toEqual({ kind: ['body'], min_length: 60 })
    expect(told.strata).toEqual([
      { name: '盘查', filter: { kind: ['body'], category: ['STOP_CHECK'] }, size: 10 },
      { name: '投诉', filter: { linked: true, incident_type: ['投诉', '举报'] } },
      { name: '其他', filter: {} },
    ])
    expect(told.reveal_within).toBe(172_800)
  })

  it('has the usual strata at hand', () => {
    const strata = usualStrata({ force: '强制', interrogation: '讯问', late: '迟传', unlinked: '未关联' })

    expect(definitionOf(draft({ strata })).strata).toEqual([
      { name: '强制', filter: { category: ['COERCION'] } },
      { name: '讯问', filter: { category: ['INTERROGATION'] } },
      { name: '迟传', filter: { late: 24 } },
      { name: '未关联', filter: { linked: false } },
    ])
  })

  it('gives a reason only where one was asked for', () => {
    expect(definitionOf(draft({ reason: '上次有误' }))).not.toHaveProperty('reason')
    expect(definitionOf(draft({ again: true, reason: ' 上次有误 ' }))).toHaveProperty('reason', '上次有误')
  })
})

describe('the advice on a number of checks', () => {
  /** Source: knowledge integrity 6, sample sizes of a population of ten million: 59 find 5 %, 299 find 1 %. */
  it.each([
    [59, 0.05],
    [299, 0.01],
    [598, 0.005],
  ])('%i checks surely find a fault of %f', (size, rate) => {
    expect(surelyFound(size)).toBeLessThanOrEqual(rate)
    expect(surelyFound(size - 1)).toBeGreaterThan(rate)
  })

  it('says that no check finds nothing', () => {
    expect(surelyFound(0)).toBe(1)
  })
})

describe('an item of an export', () => {
  const item = (given: Partial<ItemDraft>): ItemDraft => ({ recording: 'r', name: '', kind: 'exact', start: '00:00:01', end: '00:00:02.5', ...given })

  it('has the times that its kind needs', () => {
    expect(isComplete(item({}))).toBe(true)
    expect(isComplete(item({ end: '00:00:01' }))).toBe(false)
    expect(isComplete(item({ start: 'x' }))).toBe(false)
    expect(isComplete(item({ kind: 'still', end: '' }))).toBe(true)
    expect(isComplete(item({ kind: 'original', start: '', end: '' }))).toBe(true)
    expect(['original', 'verbatim', 'exact', 'still'].filter((kind) => needsRange(kind as ItemDraft['kind']))).toEqual(['verbatim', 'exact'])
  })

  it('is asked for with no more than its kind takes', () => {
    expect(wantedOf(item({}))).toEqual({ recording: 'r', kind: 'exact', start: '1', end: '2.5' })
    expect(wantedOf(item({ kind: 'still', start: '00:01:30.033333' }))).toEqual({ recording: 'r', kind: 'still', start: '90.033333' })
    expect(wantedOf(item({ kind: 'original' }))).toEqual({ recording: 'r', kind: 'original' })
  })
})

describe('a review', () => {
  const words = { 'zh-CN': '', en: '' }
  const card: Card = { id: 'scene', version: 1, title: words, lines: [10, 15, 5].map((points, n) => ({ id: `l${n}`, points, can_veto: n === 1, words })) }

  it('counts its score once every line is answered', () => {
    const review = useReviewing(() => card)
    review.answer('l0', 'fail')
    review.answer('l1', 'pass')
    expect(review.score.value).toBeNull()
    expect(review.open.value).toBe(1)
    review.answer('l2', 'not-applicable')

    expect(review.score.value).toBe(90)
  })

  it('is worth nothing after a veto, and is handed in with it', () => {
    const review = useReviewing(() => card)
    for (const line of card.lines) review.answer(line.id, 'fail')
    review.answers.l1 = { ...review.answers.l1!, veto: true }

    expect(review.score.value).toBe(0)
    expect(review.said(true, '太短')).toMatchObject({ submit: true, without_watching: '太短', note: null })
    expect(review.said(true).answers[1]).toEqual({ line: 'l1', verdict: 'fail', deduction: 15, veto: true })
  })

  it('takes off nothing for a line that is changed back to passed', () => {
    const review = useReviewing(() => card)
    review.answer('l0', 'fail')
    review.answer('l0', 'pass')

    expect(review.said(false).answers).toEqual([{ line: 'l0', verdict: 'pass', deduction: 0, veto: false }])
  })

  it('goes on from what was kept', () => {
    const review = useReviewing(() => card)
    review.load({ answers: [{ line: 'l0', verdict: 'fail', deduction: 3, veto: false }], results: ['muted'], note: '声音', evidence: [], score: null, watched: 0.5, without_watching: null })

    expect(review.said(false)).toEqual({ answers: [{ line: 'l0', verdict: 'fail', deduction: 3, veto: false }], results: ['muted'], note: '声音', evidence: [], submit: false })
  })
})
