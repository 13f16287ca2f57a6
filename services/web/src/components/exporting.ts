/** Gather what is to be exported: recordings, each as an original, a clip or a still. */

import type { ExportKind, WantedItem } from '../api/exports'
import { parseClock } from '../words/time'

export interface ItemDraft {
  readonly recording: string
  /** What people know the recording by. */
  readonly name: string
  kind: ExportKind
  /** As typed. */
  start: string
  end: string
}

export const needsRange = (kind: ExportKind): boolean => kind === 'verbatim' || kind === 'exact'

/** Say whether an item's times are such as its kind needs. */
export function isComplete({ kind, start, end }: ItemDraft): boolean {
  const [from, to] = [parseClock(start), parseClock(end)]
  if (kind === 'original') return true
  return kind === 'still' ? from !== null : from !== null && to !== null && from < to
}

/** Write an item for the archive: seconds, to the microsecond. */
export function wantedOf({ recording, kind, start, end }: ItemDraft): WantedItem {
  const text = (typed: string): string => String(Number((parseClock(typed) ?? 0).toFixed(6)))
  if (kind === 'original') return { recording, kind }
  return kind === 'still' ? { recording, kind, start: text(start) } : { recording, kind, start: text(start), end: text(end) }
}
