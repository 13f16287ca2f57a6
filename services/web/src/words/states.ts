/**
 * How each state is shown: an icon and a tone beside its text, never colour alone.
 *
 * A state that this version does not know is shown by its own word, in a neutral tone.
 */

export type Tone = 'busy' | 'good' | 'bad' | 'warn' | 'quiet'
export type StateIcon = 'arrow' | 'box' | 'check' | 'clock' | 'cross' | 'lock' | 'play' | 'warning'

export interface StateLook {
  readonly tone: Tone
  readonly icon: StateIcon
}

export const UPLOAD_LOOKS: Readonly<Record<string, StateLook>> = {
  receiving: { tone: 'busy', icon: 'arrow' },
  received: { tone: 'busy', icon: 'box' },
  stored: { tone: 'busy', icon: 'box' },
  verified: { tone: 'good', icon: 'check' },
  quarantined: { tone: 'bad', icon: 'lock' },
  expired: { tone: 'quiet', icon: 'cross' },
}

export const RECORDING_LOOKS: Readonly<Record<string, StateLook>> = {
  kept: { tone: 'busy', icon: 'clock' },
  playable: { tone: 'busy', icon: 'play' },
  ready: { tone: 'good', icon: 'check' },
  damaged: { tone: 'warn', icon: 'warning' },
  quarantined: { tone: 'bad', icon: 'lock' },
  disposed: { tone: 'quiet', icon: 'cross' },
}

export const CHECK_LOOKS: Readonly<Record<string, StateLook>> = {
  FROZEN: { tone: 'busy', icon: 'lock' },
  SEEDED: { tone: 'busy', icon: 'clock' },
  FAILED: { tone: 'bad', icon: 'cross' },
  DRAWN: { tone: 'busy', icon: 'box' },
  ASSIGNED: { tone: 'busy', icon: 'arrow' },
  IN_REVIEW: { tone: 'busy', icon: 'play' },
  SUBMITTED: { tone: 'warn', icon: 'clock' },
  CONFIRMED: { tone: 'good', icon: 'check' },
  SKIPPED: { tone: 'quiet', icon: 'cross' },
}

export const EXPORT_LOOKS: Readonly<Record<string, StateLook>> = {
  proposed: { tone: 'warn', icon: 'clock' },
  queued: { tone: 'busy', icon: 'box' },
  entered: { tone: 'busy', icon: 'arrow' },
  made: { tone: 'good', icon: 'check' },
  failed: { tone: 'bad', icon: 'cross' },
  refused: { tone: 'quiet', icon: 'cross' },
}

const LOOKS = { upload: UPLOAD_LOOKS, recording: RECORDING_LOOKS, check: CHECK_LOOKS, export: EXPORT_LOOKS } as const
export type Subject = keyof typeof LOOKS

export const UPLOAD_STATES = Object.keys(UPLOAD_LOOKS)
export const RECORDING_STATES = Object.keys(RECORDING_LOOKS)
export const RECORDING_KINDS = ['body', 'vehicle', 'facility', 'interview'] as const

const UNKNOWN: StateLook = { tone: 'quiet', icon: 'clock' }

export function lookOf(subject: Subject, state: string): StateLook {
  return LOOKS[subject][state] ?? UNKNOWN
}
