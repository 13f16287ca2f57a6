import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import en from '../src/i18n/en'
import zhCN from '../src/i18n/zh-CN'
import { addInterval, totalLength, type Interval } from '../src/words/intervals'
import { fileNameOf } from '../src/words/disposition'
import { secondsOf } from '../src/words/seconds'
import { formatBytes, percent } from '../src/words/sizes'
import { lookOf, RECORDING_STATES, UPLOAD_STATES } from '../src/words/states'
import { NAMES } from '../src/components/sentences'
import { COMMANDS } from '../src/elements/player/keys'

function leaves(value: object, path = ''): [string, string][] {
  return Object.entries(value).flatMap(([key, inner]) => (typeof inner === 'string' ? [[`${path}${key}`, inner] as [string, string]] : leaves(inner as object, `${path}${key}.`)))
}
const placeholders = (text: string): string[] => (text.match(/\{\w+\}/g) ?? []).sort()

describe('texts', () => {
  it('are the same keys in both languages', () => {
    expect(leaves(en).map(([key]) => key).sort()).toEqual(leaves(zhCN).map(([key]) => key).sort())
  })

  it('name the same values in both languages', () => {
    const english = new Map(leaves(en))
    const different = leaves(zhCN).filter(([key, text]) => placeholders(text).join() !== placeholders(english.get(key)!).join())

    expect(different).toEqual([])
  })

  it('are Chinese in Chinese and hold no Chinese in English', () => {
    const sameInBoth = new Set(['field.sha256', 'field.id'])
    const han = /\p{Script=Han}/u

    expect(leaves(en).filter(([, text]) => han.test(text))).toEqual([])
    expect(leaves(zhCN).filter(([key, text]) => !han.test(text) && !sameInBoth.has(key))).toEqual([])
  })

  it('do not use signs that mean something to the message compiler', () => {
    expect([...leaves(en), ...leaves(zhCN)].filter(([, text]) => /[@|]/.test(text))).toEqual([])
  })

  it('say every code that the archive can answer with', () => {
    const source = readFileSync(new URL('../../errors.py', import.meta.url), 'utf8')
    const codes = [...source.matchAll(/^ {4}code(?:: ClassVar\[str\])? = "([a-z-]+)"/gm)].map((found) => found[1]!)

    expect(codes.length).toBeGreaterThan(30)
    expect(codes.filter((code) => !(code in zhCN.problem))).toEqual([])
  })

  it('say every event of the ledger, and those of a recording as sentences whose values are known', () => {
    const source = readFileSync(new URL('../../custody/events.py', import.meta.url), 'utf8')
    const names = [...source.matchAll(/_event\(\s*"([a-z.]+)"/g)].map((found) => found[1]!.replaceAll('.', '-'))
    const used = Object.values(zhCN.sentence).flatMap((text) => placeholders(text).map((one) => one.slice(1, -1)))

    expect(names.length).toBeGreaterThan(60)
    expect(names.filter((name) => !(name in zhCN.event))).toEqual([])
    expect(names.filter((name) => name.startsWith('rec-') && !(name in zhCN.sentence))).toEqual([])
    expect(used.filter((name) => !NAMES.includes(name))).toEqual([])
  })

  it('say every flag that makes a recording damaged', () => {
    const source = readFileSync(new URL('../../media/facts.py', import.meta.url), 'utf8')
    const damage = /DAMAGE = frozenset\(\s*\{([^}]*)\}/.exec(source)![1]!
    const kinds = [...damage.matchAll(/"([a-z-]+)"/g)].map((found) => found[1]!)

    expect(kinds.length).toBeGreaterThan(3)
    expect(kinds.filter((kind) => !(kind in zhCN.flag))).toEqual([])
  })

  it('say every state and every key', () => {
    expect(UPLOAD_STATES.filter((state) => !(state in zhCN.state.upload))).toEqual([])
    expect(RECORDING_STATES.filter((state) => !(state in zhCN.state.recording))).toEqual([])
    expect(COMMANDS.filter((command) => !(command in zhCN.key))).toEqual([])
  })
})

it('shows a state that it does not know in a neutral way', () => {
  expect(lookOf('upload', 'frozen').tone).toBe('quiet')
  expect(lookOf('recording', 'quarantined').tone).toBe('bad')
})

describe('ranges', () => {
  it('join when they touch and stay apart otherwise', () => {
    let ranges: Interval[] = []
    for (const [start, end] of [[10, 20], [30, 40], [0, 5], [19, 30]] as const) ranges = addInterval(ranges, start, end)

    expect(ranges).toEqual([[0, 5], [10, 40]])
    expect(totalLength(ranges)).toBe(35)
  })

  it('do not change by an empty or backward one', () => {
    expect(addInterval([[1, 2]], 5, 5)).toEqual([[1, 2]])
    expect(addInterval([[1, 2]], 5, 4)).toEqual([[1, 2]])
  })

  it('cover the same seconds in whatever order they come', () => {
    const pieces: Interval[] = Array.from({ length: 40 }, (_, index) => [(index * 7) % 50, ((index * 7) % 50) + 1 + (index % 5)])
    const forth = pieces.reduce<Interval[]>((ranges, [start, end]) => addInterval(ranges, start, end), [])
    const back = [...pieces].reverse().reduce<Interval[]>((ranges, [start, end]) => addInterval(ranges, start, end), [])

    expect(forth).toEqual(back)
  })
})

it('reads seconds as number, decimal or fraction', () => {
  expect([12.5, '12.5', '30000/1001', '7/0', '', null, 'x'].map(secondsOf)).toEqual([12.5, 12.5, 30000 / 1001, null, null, null, null])
})

it('prints sizes, and 100 % only for all of it', () => {
  expect([0, 1023, 1536, 10_000_000, 2_300_000_000].map(formatBytes)).toEqual(['0 B', '1023 B', '1.50 KiB', '9.54 MiB', '2.14 GiB'])
  expect([percent(999, 1000), percent(1000, 1000), percent(0, 0)]).toEqual([99, 100, 100])
})

it('reads file names from Content-Disposition', () => {
  expect(fileNameOf("attachment; filename=\"clip.mp4\"; filename*=UTF-8''%E7%89%87%E6%AE%B5.mp4")).toBe('片段.mp4')
  expect(fileNameOf('attachment; filename="a b.mp4"')).toBe('a b.mp4')
  expect(fileNameOf("attachment; filename*=UTF-8''%E7%8")).toBeNull()
  expect(fileNameOf(null)).toBeNull()
})
