/** Quote a frame: as a citation that names it exactly, or as a picture from the original. */

import { ref, shallowRef, type Ref, type ShallowRef } from 'vue'
import { useI18n } from 'vue-i18n'
import { saveFile } from '../api/clip'
import { fetchStill } from '../api/frames'
import { asProblem, type Problem } from '../api/http'
import type { RecordingFacts } from '../api/types'
import type { Frame } from '../elements/player/frames'
import { copyText } from '../words/copying'
import { secondsText } from '../words/seconds'
import { formatInstant, formatMicros, instantOf } from '../words/time'

/** The moment that the player asks to quote; `frame` is null where frames are not known. */
export interface Moment {
  readonly position: number
  readonly frame: Frame | null
}

export interface Quoting {
  readonly said: Ref<string>
  readonly problem: ShallowRef<Problem | null>
  cite(facts: RecordingFacts, moment: Moment): Promise<void>
  still(facts: RecordingFacts, viewing: string, moment: Moment): Promise<void>
}

export function useQuoting(): Quoting {
  const { t } = useI18n()
  const said = ref('')
  const problem = shallowRef<Problem | null>(null)

  function citation(facts: RecordingFacts, moment: Moment): string {
    const origin = instantOf(facts.started_at)
    const position = secondsText(moment.position)
    const values = {
      file: facts.filename ?? facts.id,
      id: facts.id,
      sha256: facts.sha256,
      frame: moment.frame?.number ?? '—',
      position: formatMicros(Math.round(Number(position) * 1e6)),
      clock: origin === null ? '—' : formatInstant(origin + moment.position * 1000, 3),
      link: `${location.origin}/recordings/${facts.id}#t=${position}`,
    }
    return t(moment.frame ? 'quote.citation' : 'quote.citationWithoutFrame', values)
  }

  async function cite(facts: RecordingFacts, moment: Moment): Promise<void> {
    problem.value = null
    const text = citation(facts, moment)
    said.value = (await copyText(text)) ? t('quote.copied', { text }) : t('quote.notCopied', { text })
  }

  async function still(facts: RecordingFacts, viewing: string, moment: Moment): Promise<void> {
    problem.value = null
    said.value = t('quote.taking')
    try {
      const taken = await fetchStill(facts.id, viewing, moment.frame ? { number: moment.frame.number } : { position: moment.position })
      saveFile(taken.content, taken.name)
      said.value = t('quote.saved', { name: taken.name })
    } catch (error) {
      said.value = ''
      problem.value = asProblem(error)
    }
  }

  return { said, problem, cite, still }
}
