/** Keep what a reviewer says of a drawn item, line by line, and count the score as the archive does. */

import { computed, reactive, ref, type ComputedRef, type Ref } from 'vue'
import type { Card, CardAnswer, CardVerdict, Evidence, Review, SaidReview } from '../api/checks'
import type { RecordingFacts } from '../api/types'

export const VERDICTS: readonly CardVerdict[] = ['pass', 'fail', 'not-applicable']
const FULL = 100

/** Whether a recording has pictures or sound to look at. */
export const playable = (facts: RecordingFacts | null): boolean => facts?.playable === true && facts.state !== 'disposed'

export interface Reviewing {
  readonly answers: Record<string, CardAnswer>
  readonly results: Ref<string[]>
  readonly note: Ref<string>
  readonly evidence: Ref<Evidence[]>
  /** Null while a line is open. */
  readonly score: ComputedRef<number | null>
  readonly open: ComputedRef<number>
  answer(line: string, verdict: CardVerdict): void
  load(review: Review | null): void
  said(submit: boolean, withoutWatching?: string): SaidReview
}

export function useReviewing(card: () => Card | null): Reviewing {
  const answers = reactive<Record<string, CardAnswer>>({})
  const results = ref<string[]>([])
  const note = ref('')
  const evidence = ref<Evidence[]>([])
  const given = computed(() => (card()?.lines ?? []).flatMap(({ id }) => answers[id] ?? []))
  const open = computed(() => (card()?.lines.length ?? 0) - given.value.length)
  const score = computed(() => {
    if (open.value > 0 || !card()) return null
    return given.value.some((one) => one.veto) ? 0 : given.value.reduce((left, one) => left - one.deduction, FULL)
  })

  function answer(line: string, verdict: CardVerdict): void {
    const points = card()?.lines.find((one) => one.id === line)?.points ?? 0
    answers[line] = { line, verdict, deduction: verdict === 'fail' ? points : 0, veto: false }
  }

  function load(review: Review | null): void {
    for (const one of review?.answers ?? []) answers[one.line] = { ...one }
    results.value = [...(review?.results ?? [])]
    note.value = review?.note ?? ''
    evidence.value = [...(review?.evidence ?? [])]
  }

  function said(submit: boolean, withoutWatching?: string): SaidReview {
    return {
      answers: given.value.map((one) => ({ ...one })),
      results: results.value,
      note: note.value.trim() || null,
      evidence: evidence.value,
      submit,
      ...(withoutWatching ? { without_watching: withoutWatching } : {}),
    }
  }

  return { answers, results, note, evidence, score, open, answer, load, said }
}
