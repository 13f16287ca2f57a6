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

export const UPLOAD_STATES = Object.keys(UPLOAD_LOOKS)
export const RECORDING_STATES = Object.keys(RECORDING_LOOKS)
export const RECORDING_KINDS = ['body', 'vehicle', 'facility', 'interview'] as const

const UNKNOWN: StateLook = { tone: 'quiet', icon: 'clock' }

export function lookOf(subject: 'upload' | 'recording', state: string): StateLook {
  return (subject === 'upload' ? UPLOAD_LOOKS : RECORDING_LOOKS)[state] ?? UNKNOWN
}
