/** Say the API's words in the reader's language; a word that this version does not know is shown as it is. */

import { useI18n } from 'vue-i18n'
import type { Problem } from '../api/http'
import type { Facts } from '../api/types'
import { secondsOf } from '../words/seconds'
import { formatLength, formatSecond } from '../words/time'
import { formatBytes } from '../words/sizes'

const RFC3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d/

export interface Words {
  wordOf(family: string, word: string | number | null | undefined): string
  problemText(problem: Problem): string
  valueText(key: string, value: unknown): string
  reasonText(reason: unknown): string
  pairsOf(facts: Facts, without?: readonly string[]): { key: string; label: string; value: string }[]
}

export function useWords(): Words {
  const { t, te, locale } = useI18n()
  const colon = (): string => (locale.value === 'en' ? ': ' : '：')
  const comma = (items: readonly unknown[]): string => (items.some((each) => typeof each === 'object') ? semicolon() : locale.value === 'en' ? ', ' : '、')
  const semicolon = (): string => (locale.value === 'en' ? '; ' : '；')

  /** `family` is a group of texts such as `flag` or `state.upload`; dots inside a word are written as hyphens there. */
  function wordOf(family: string, word: string | number | null | undefined): string {
    if (word === null || word === undefined || word === '') return '—'
    const key = `${family}.${String(word).replaceAll('.', '-')}`
    return /^[\w-]+$/.test(String(word).replaceAll('.', '-')) && te(key) ? t(key) : String(word)
  }

  function problemText(problem: Problem): string {
    const key = `problem.${problem.code}`
    return te(key) ? t(key) : problem.detail || t('problem.unexpected')
  }

  function valueText(key: string, value: unknown): string {
    if (value === null || value === undefined || value === '') return '—'
    if (typeof value === 'boolean') return t(value ? 'common.yes' : 'common.no')
    if (Array.isArray(value)) return value.length === 0 ? '—' : value.map((each) => valueText(key, each)).join(comma(value))
    if (typeof value === 'object') return pairsOf(value as Facts).map((pair) => `${pair.label}${colon()}${pair.value}`).join(semicolon()) || '—'
    if (typeof value === 'string' && RFC3339.test(value)) return formatSecond(value)
    if (key === 'size' || key.endsWith('_bytes')) return formatBytes(Number(value))
    if (key === 'duration') return secondsText(value, formatLength)
    if (key === 'rate') return secondsText(value, (rate) => `${Number(rate.toFixed(3))} fps`)
    if (key === 'start') return secondsText(value, (start) => `${start.toFixed(3)} s`)
    if (key === 'sample_rate') return `${value} Hz`
    return String(value)
  }

  /** A link's reason is text, or facts: `by` what it was found, with which `value`, inside which `window`. */
  function reasonText(reason: unknown): string {
    const facts = (typeof reason === 'object' && reason !== null ? reason : {}) as Facts
    const key = `ground.${String(facts.by)}`
    if (typeof facts.by !== 'string' || !te(key)) return valueText('reason', reason)
    const [from, to] = Array.isArray(facts.window) ? facts.window : []
    const printed = { value: facts.value, reason: facts.reason, from, to }
    return t(key, Object.fromEntries(Object.entries(printed).map(([name, value]) => [name, valueText(name, value)])))
  }

  function pairsOf(facts: Facts, without: readonly string[] = []): { key: string; label: string; value: string }[] {
    return Object.entries(facts)
      .filter(([key, value]) => !without.includes(key) && value !== null && value !== undefined && value !== '')
      .map(([key, value]) => ({ key, label: wordOf('field', key), value: wordFor(key, value) }))
  }

  function wordFor(key: string, value: unknown): string {
    const families: Record<string, string> = { kind: 'kind', state: 'state.recording', origin: 'origin', target_type: 'target', type: 'target', role: 'role' }
    const family = families[key]
    return family && typeof value === 'string' ? wordOf(family, value) : valueText(key, value)
  }

  return { wordOf, problemText, valueText, reasonText, pairsOf }
}

function secondsText(value: unknown, print: (seconds: number) => string): string {
  const seconds = secondsOf(value)
  return seconds === null ? String(value) : print(seconds)
}
