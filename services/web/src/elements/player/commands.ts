/** Do what a key or a button asks for. */

import { markFrom } from './gaps'
import type { Command } from './keys'
import type { ChosenRange } from './range'
import type { Stepper } from './stepper'
import type { Transport } from './transport'

/** What commands act on. */
export interface CommandDesk {
  readonly video: HTMLVideoElement
  readonly transport: Transport
  readonly stepper: Stepper
  readonly range: ChosenRange
  duration(): number
  /** The exact time of the frame on the screen, as it is printed. */
  here(): number
  /** The last frame is on the screen. */
  atLast(): boolean
  /** Positions of flags, gaps and joints. */
  marks(): readonly number[]
  goTo(position: number): void
  complain(label: string): void
  clip(start: number, end: number): void
  cite(): void
  still(): void
  jump(): void
  switchTime(): unknown
  toggleFullscreen(): void
  toggleKeys(): void
}

/** Standing so near to the end means the end. */
const AT_END_S = 1e-3

/** Run `command`; `held` is a key that repeats by itself. */
export function run(desk: CommandDesk, command: Command, held = false): void {
  if (PLAYS.has(command)) desk.stepper.cancel()
  DOES[command](desk, held)
}

/** What sets the video going ends a step to a frame that is under way. */
const PLAYS: ReadonlySet<Command> = new Set(['play-pause', 'faster', 'hop-back', 'preview'])

const DOES: Record<Command, (desk: CommandDesk, held: boolean) => void> = {
  'play-pause': (desk) => desk.transport.playOrPause(),
  faster: (desk) => desk.transport.faster(),
  'hop-back': (desk) => desk.transport.hopBack(),
  'frame-back': (desk, held) => step(desk, -1, held),
  'frame-forward': (desk, held) => step(desk, 1, held),
  'back-5': (desk) => desk.goTo(Math.max(0, desk.here() - 5)),
  'forward-5': (desk) => desk.goTo(Math.max(0, desk.here() + 5)),
  'back-1': (desk) => desk.goTo(Math.max(0, desk.here() - 1)),
  'forward-1': (desk) => desk.goTo(Math.max(0, desk.here() + 1)),
  'previous-mark': (desk) => toMark(desk, -1),
  'next-mark': (desk) => toMark(desk, 1),
  'to-start': (desk) => desk.goTo(0),
  'to-end': (desk) => desk.goTo(desk.duration()),
  'set-in': (desk) => desk.range.set(desk.here(), desk.range.end),
  'set-out': (desk) => desk.range.set(desk.range.start, outHere(desk)),
  'go-in': (desk) => desk.range.start !== null && desk.goTo(desk.range.start),
  'go-out': (desk) => desk.range.end !== null && desk.goTo(desk.range.end),
  preview: (desk) => (desk.transport.loop ? desk.transport.pause() : withRange(desk, (start, end) => desk.transport.preview(start, end))),
  'clear-range': (desk) => desk.range.set(null, null),
  clip: (desk) => withRange(desk, (start, end) => desk.clip(start, end)),
  cite: (desk) => desk.cite(),
  still: (desk) => desk.still(),
  jump: (desk) => desk.jump(),
  'switch-time': (desk) => desk.switchTime(),
  mute: (desk) => (desk.video.muted = !desk.video.muted),
  fullscreen: (desk) => desk.toggleFullscreen(),
  keys: (desk) => desk.toggleKeys(),
}

function step(desk: CommandDesk, by: 1 | -1, held: boolean): void {
  desk.transport.stopLoop()
  void desk.stepper.step(by, held).catch(() => undefined) // a tile that did not come is asked for with the next key
}

function toMark(desk: CommandDesk, direction: 1 | -1): void {
  const mark = markFrom(desk.marks(), desk.here(), direction)
  if (mark !== null) desk.goTo(mark)
}

/** The end of a range is not part of it; on the last frame there is no later one, and all of the recording is meant. */
function outHere(desk: CommandDesk): number {
  const duration = desk.duration()
  return duration > 0 && (desk.atLast() || desk.video.currentTime >= duration - AT_END_S) ? duration : desk.here()
}

function withRange(desk: CommandDesk, act: (start: number, end: number) => void): void {
  const whole = desk.range.whole
  if (whole) act(whole.start, whole.end)
  else desk.complain('badRange')
}
