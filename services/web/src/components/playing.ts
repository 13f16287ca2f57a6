/** Bring a recording to the player: which of its pictures, from which moment, with the times of its frames. */

import { computed, ref, type ComputedRef, type Ref } from 'vue'
import { playlistAddress, posterAddress, readPeaks, storyboardAddress, type PlayedRendition } from '../api/archive'
import { readFrames } from '../api/frames'
import type { Flag, RecordingFacts } from '../api/types'
import type { EvidencePlayer } from '../elements/player/element'
import { FrameTimes } from '../elements/player/frames'
import { evenAxis } from '../words/axis'
import { secondsOf } from '../words/seconds'
import { instantOf, type Position } from '../words/time'

const KEPT_UNDER = 'huisu.rendition'

export interface Playing {
  /** What there is to choose from; empty where there is no choice. */
  readonly choices: ComputedRef<readonly PlayedRendition[]>
  readonly chosen: Ref<PlayedRendition | null>
  readonly frames: Ref<FrameTimes | null>
  /** Play under a viewing, from where the player stands, or else from where the address leads. */
  open(viewing: string, wanted: Position | null): void
  /** Hear what the player was given to play. */
  attached(playlist: string): void
  choose(rendition: PlayedRendition): void
  /** Peaks come with the proxy; a recording without sound has none. */
  loadPeaks(recording: string, viewing: string): Promise<void>
}

/** Browsers play this from the original's own bytes. */
const PLAYED_BY_BROWSERS = { video: ['h264'], audio: ['aac', 'mp3'] } as const

export function usePlaying(facts: () => RecordingFacts | null, flags: () => readonly Flag[], player: Ref<EvidencePlayer | null>): Playing {
  const chosen = ref<PlayedRendition | null>(kept())
  const frames = ref<FrameTimes | null>(null) as Ref<FrameTimes | null>
  const inPlace = ref<boolean | null>(null)
  const choices = computed(() => choicesOf(facts(), inPlace.value))
  let opened: string | null = null
  let played: PlayedRendition | null = null

  function open(viewing: string, wanted: Position | null): void {
    const recording = facts()!
    const again = player.value!.video.currentTime
    const startAt = again > 0 ? player.value!.position : (wanted?.start ?? null)
    played = choices.value.find((choice) => choice === chosen.value) ?? null
    const hasVideo = recording.streams.length === 0 || recording.streams.some((stream) => stream.kind === 'video')
    frames.value = hasVideo ? new FrameTimes((tile) => readFrames(recording.id, viewing, tile)) : null
    player.value!.open(
      {
        playlist: playlistAddress(recording.id, viewing, played, startAt),
        storyboard: isMade(recording, 'storyboard') ? storyboardAddress(recording.id, viewing) : null,
        peaks: null,
        poster: isMade(recording, 'poster') ? posterAddress(recording.id) : null,
        axis: evenAxis(instantOf(recording.started_at)),
        duration: secondsOf(recording.duration) ?? 0,
        flags: flags(),
        gaps: [],
        joints: [],
        hasVideo,
        startAt,
        frames: null,
      },
      opened === viewing,
    )
    if (opened !== viewing && wanted?.end != null) player.value!.setRange(wanted.start, wanted.end)
    opened = viewing
    if (isMade(recording, 'peaks')) void loadPeaks(recording.id, viewing)
    void loadFrames(startAt ?? 0)
  }

  /** The archive's own choice tells whether the original is played in place; an answered choice of ours does not. */
  function attached(playlist: string): void {
    if (played === null) inPlace.value = /\binit\.mp4\b/.test(playlist)
    else if (played === 'original') inPlace.value = true
  }

  /** Frames are stepped through only where the archive knows when each is shown. */
  async function loadFrames(position: number): Promise<void> {
    const mine = frames.value
    if (!mine) return
    const known = await mine.frameAt(position).catch(() => null)
    if (mine !== frames.value) return
    if (known) player.value?.amend({ frames: mine })
    else frames.value = null
  }

  async function loadPeaks(recording: string, viewing: string): Promise<void> {
    const peaks = await readPeaks(recording, viewing).catch(() => null)
    player.value?.amend({ peaks })
  }

  function choose(rendition: PlayedRendition): void {
    chosen.value = rendition
    try {
      localStorage.setItem(KEPT_UNDER, rendition)
    } catch {
      // storage is refused here: the choice holds until the page is closed
    }
    if (opened) open(opened, null)
  }

  return { choices, chosen, frames, open, attached, choose, loadPeaks }
}

/** Whether something made of a recording may be asked for: an archive that does not list them is simply asked. */
export const isMade = (facts: RecordingFacts, kind: string): boolean => facts.renditions?.includes(kind) !== false

/** What is known to be there: the copies that were made, and the original where a browser was seen, or is sure, to play it. */
function choicesOf(facts: RecordingFacts | null, inPlace: boolean | null): readonly PlayedRendition[] {
  const made = facts?.renditions ?? []
  const copies = (['proxy', 'recovered'] as const).filter((kind) => made.includes(kind))
  const choices: PlayedRendition[] = inPlace ?? playedByBrowsers(facts) ? ['original', ...copies] : copies
  return choices.length > 1 ? choices : []
}

function playedByBrowsers(facts: RecordingFacts | null): boolean {
  const known = facts?.streams.every((stream) => {
    const playable = PLAYED_BY_BROWSERS[stream.kind as 'video' | 'audio'] as readonly unknown[] | undefined
    return playable === undefined || playable.includes(stream.codec)
  })
  return known === true && /mp4|mov/.test(facts?.container ?? '')
}

function kept(): PlayedRendition | null {
  try {
    const rendition = localStorage.getItem(KEPT_UNDER)
    return rendition === 'original' || rendition === 'proxy' ? rendition : null
  } catch {
    return null
  }
}
