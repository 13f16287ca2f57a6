/** Say what spot checks are about: seeds, shares and filters, in words. */

import { useI18n } from 'vue-i18n'
import type { Estimate, SpotCheck } from '../api/checks'
import type { Facts } from '../api/types'
import { useWords } from './words'

export interface CheckWords {
  seedText(check: SpotCheck): string
  shareText(share: number | null, digits?: number): string
  boundsText(estimate: Estimate): string
  filterText(filter: Facts): string
  countOf(check: SpotCheck): number
  /** What a draw waits for, told by the archive as `nonce of NAME`. */
  waitingText(check: SpotCheck): string
}

export function useCheckWords(): CheckWords {
  const { t, te, locale } = useI18n()
  const { wordOf, valueText, pairsOf } = useWords()
  const comma = (): string => (locale.value === 'en' ? ', ' : '、')

  function seedText({ label, definition }: SpotCheck): string {
    if (label === 'agency-seeded') return t('checks.agencyShort')
    return definition.seed_sources.map((one) => t(`checks.sourceOf.${one.kind}`, { by: one.by ?? '—' })).join(comma())
  }

  const shareText = (share: number | null, digits = 1): string => (share === null ? '—' : `${(share * 100).toFixed(digits)} %`)

  const boundsText = ({ lower, upper, confidence }: Estimate): string => t('checks.bounds', { lower: shareText(lower, 2), upper: shareText(upper, 2), confidence: shareText(confidence, 0) })

  function filterText(filter: Facts): string {
    const families: Readonly<Record<string, string>> = { kind: 'kind', category: 'category', grade: 'grade' }
    const parts = Object.entries(filter).map(([key, value]) => {
      const family = families[key]
      const values = Array.isArray(value) ? value : [value]
      if (family && te(family)) return values.map((one) => wordOf(family, one as string)).join(comma())
      if (key === 'late') return t('checks.lateBy', { hours: String(value) })
      if (key === 'linked') return t(value === true ? 'checks.isLinked' : 'checks.isUnlinked')
      if (key === 'incident_type') return `${t('checks.incidentTypes')} ${values.join(comma())}`
      if (key === 'min_length') return `≥ ${String(value)} s`
      return pairsOf({ [key]: value }).map((pair) => `${pair.label} ${pair.value}`).join(comma())
    })
    return parts.join(' · ') || valueText('filter', null)
  }

  /** What was drawn and still counts; the reserve only as far as it took a place. */
  const countOf = ({ counts }: SpotCheck): number => Object.entries(counts).reduce((sum, [state, count]) => sum + (state === 'SKIPPED' ? 0 : count), 0)

  const waitingText = ({ waiting }: SpotCheck): string =>
    waiting
      .map((one) => {
        const [, kind, by] = /^(nonce|witness) of (.*)$/su.exec(one) ?? []
        return kind ? t(`checks.sourceOf.${kind}`, { by: by ?? '' }) : one
      })
      .join(comma())

  return { waitingText, seedText, shareText, boundsText, filterText, countOf }
}
