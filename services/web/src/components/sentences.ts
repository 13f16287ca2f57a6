/** Say one entry of a recording's history as a sentence in the reader's language. */

import { useI18n } from 'vue-i18n'
import type { HistoryLine } from '../api/types'
import { secondsOf } from '../words/seconds'
import { formatBytes } from '../words/sizes'
import { formatClock } from '../words/time'
import { useWords } from './words'

const WITHHELD = 'withheld'
/** Which family of words each value is said with, where that is always the same. */
const FAMILIES: Readonly<Record<string, string>> = { target_type: 'target', origin: 'origin', role: 'role', rule: 'retentionRule', made: 'clip.kinds' }

export function useSentences(): (line: HistoryLine) => string {
  const { t, te } = useI18n()
  const { wordOf, valueText } = useWords()

  return (line) => {
    const key = `sentence.${line.event.replaceAll('.', '-')}`
    if (!te(key)) return wordOf('event', line.event)
    const detail = typeof line.detail === 'object' && line.detail !== null ? line.detail : {}
    const told: Record<string, unknown> = { ...detail, actor: line.actor ?? t('history.system') }
    return t(key, Object.fromEntries(NAMES.map((name) => [name, printed(name, told, line)])))
  }

  function printed(name: string, told: Record<string, unknown>, { event }: HistoryLine): string {
    const value = told[name]
    if (name === 'until' && event === 'rec.retention' && value == null) return t('recording.permanent')
    if (isWithheld(value)) return t('history.withheld')
    if (name === 'range') return rangeText(told)
    if (name === 'ranges') return rangesText(told.time_ranges)
    if (name === 'size' || name === 'bytes_sent') return formatBytes(secondsOf(value))
    if (name === 'kind') return wordOf(event.startsWith('rec.flag') ? 'flag' : 'kind', value as string)
    if (name === 'mode' && te(`clip.modes.${String(value)}.name`)) return t(`clip.modes.${String(value)}.name`)
    if (name === 'method') return wordOf('session.methods', value as string)
    if (name === 'answer') return te(`history.${String(value)}`) ? t(`history.${String(value)}`) : valueText(name, value)
    const family = FAMILIES[name]
    return family && typeof value === 'string' ? wordOf(family, value) : valueText(name, value)
  }

  function rangeText(told: Record<string, unknown>): string {
    const [start, end] = [secondsOf(told.start), secondsOf(told.end)]
    if (start === null || end === null) return ''
    const { first_frame: first, end_frame: endFrame } = told
    const frames = first != null && endFrame != null ? t('history.frames', { first: String(first), end: String(endFrame) }) : ''
    return t('history.range', { start: formatClock(start), end: formatClock(end) }) + frames
  }

  function rangesText(ranges: unknown): string {
    const told = Array.isArray(ranges) ? (ranges as unknown[][]) : []
    const texts = told.map(([start, end]) => `${formatClock(secondsOf(start) ?? NaN)}–${formatClock(secondsOf(end) ?? NaN)}`)
    return texts.length > 0 ? texts.join(', ') : t('history.nothing')
  }
}

/** Every value that a sentence may name; those that an entry has not are said as absent. */
export const NAMES: readonly string[] = [
  ...['actor', 'sender', 'filename', 'size', 'sha256', 'result', 'reason', 'mode', 'until', 'outcome', 'file', 'approver', 'duration'],
  ...['container', 'playable', 'essence_root', 'kind', 'target_type', 'number', 'origin', 'score', 'answer', 'session', 'position'],
  ...['method', 'before', 'after', 'rule', 'unit', 'range', 'ranges', 'role', 'purpose', 'address', 'bytes_sent', 'day', 'export', 'made', 'recipient', 'copies'],
]

const isWithheld = (value: unknown): boolean => typeof value === 'object' && value !== null && WITHHELD in value
