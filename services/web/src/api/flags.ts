/** Read what machines found about a recording, and say that there is nothing in a finding. */

import { ask, send } from './http'
import type { Flag, Page } from './types'

export interface Flags {
  readonly items: readonly Flag[]
  /** The recording's version, which an answer names. */
  readonly version: string
}

export async function listFlags(recording: string): Promise<Flags> {
  const response = await send(`/recordings/${recording}/flags`)
  const page = (await response.json()) as Page<Flag>
  return { items: page.items, version: response.headers.get('ETag') ?? '*' }
}

/** Dismiss a flag with a reason, or restore it. Raises `Problem` `precondition-failed` when somebody was faster. */
export const answerFlag = (recording: string, flag: string, version: string, dismissed: boolean, reason: string): Promise<Flag> =>
  ask(`/recordings/${recording}/flags/${encodeURIComponent(flag)}`, {
    method: 'PATCH',
    body: reason ? { dismissed, reason } : { dismissed },
    headers: { 'If-Match': version },
  })
