/** Play one channel of a session in the player, and tell each recording's look what was watched of it. */

import { onBeforeUnmount, onMounted, ref, shallowRef, type Ref, type ShallowRef } from 'vue'
import { looksEnded, reportWatched } from '../api/archive'
import type { ClipRange } from '../api/clip'
import type { Problem } from '../api/http'
import { channelKey, sessionPlaylist, type Session } from '../api/sessions'
import type { EvidencePlayer } from '../elements/player/element'
import { NO_MEDIA } from '../elements/player/media'
import { channelTime, momentAt, positionAt, watchedParts, type ChannelTime } from '../elements/wall/channel'
import type { Interval } from '../words/intervals'
import { secondsOf } from '../words/seconds'
import { instantOf } from '../words/time'

const CURRENT_EVERY_MS = 500

export interface SessionPlay {
  readonly problem: ShallowRef<Problem | null>
  readonly needsReason: Ref<boolean>
  readonly reason: Ref<string | undefined>
  /** The recording that is shown. */
  readonly current: Ref<string | null>
  /** Seconds of the session's axis; null before anything is known. */
  moment(): number | null
  /** Turn a range of the player into one of the session. */
  momentsOf(range: ClipRange | null): ClipRange | null
  open(moment: number | null): Promise<void>
  openWithReason(reason: string): void
  attached(playlist: string): ChannelTime | null
  failed(problem: Problem): void
  goTo(moment: number): void
  tell(watched: readonly Interval[]): void
  /** Tell what was watched and go: another channel follows. */
  leave(): void
}

export function useSessionPlay(session: Ref<Session | null>, main: Ref<string>, player: Ref<EvidencePlayer | null>): SessionPlay {
  const problem = shallowRef<Problem | null>(null)
  const needsReason = ref(false)
  const reason = ref<string | undefined>()
  const current = ref<string | null>(null)
  let time: ChannelTime | null = null
  let wanted: number | null = null
  let timer = 0

  const origin = (): number => instantOf(session.value?.started_at) ?? 0
  const moment = (): number | null => (time && player.value ? momentAt(time, origin(), player.value.position) : wanted)

  async function open(at: number | null): Promise<void> {
    wanted = at
    await looksEnded()
    if (!player.value) return // the page was left meanwhile
    const channel = session.value!.channels.find((one) => channelKey(one.channel) === main.value)!
    const offset = secondsOf(channel.offset) ?? 0
    time = null
    problem.value = null
    player.value.open({
      ...NO_MEDIA,
      playlist: sessionPlaylist(session.value!.id, main.value),
      duration: secondsOf(channel.duration) ?? 0,
      startAt: at === null ? null : Math.max(0, at - offset),
      reason: reason.value,
      hasPeaks: false,
    })
  }

  /** The playlist knows its own time exactly; the session's facts only where each recording should lie. */
  function attached(playlist: string): ChannelTime | null {
    time = channelTime(playlist)
    if (!time) return null
    player.value!.amend({ axis: time.axis, gaps: time.gaps, joints: time.joints, duration: time.length })
    const place = wanted === null ? null : positionAt(time, origin(), wanted)
    if (place !== null) player.value!.video.addEventListener('loadedmetadata', () => player.value?.goTo(place), { once: true })
    return time
  }

  function failed(found: Problem): void {
    if (found.code === 'reason-required') needsReason.value = true
    else problem.value = found
  }

  function openWithReason(given: string): void {
    needsReason.value = false
    reason.value = given
    void open(wanted)
  }

  function goTo(at: number): void {
    wanted = at
    if (time) player.value?.goTo(Math.max(0, Math.min(time.length, time.axis.positionAt(origin() + at * 1000))))
  }

  function momentsOf(range: ClipRange | null): ClipRange | null {
    const known = time
    if (!range || !known) return null
    // the end belongs to what was shown before it: behind a gap it would be another moment
    const last = momentAt(known, origin(), Math.max(range.start, range.end - 1e-6))
    return { start: momentAt(known, origin(), range.start), end: Math.round((last + 1e-6) * 1e6) / 1e6 }
  }

  function tell(watched: readonly Interval[], ended = false): void {
    const known = time
    if (!known || !session.value) return
    const began = new Map(session.value.members.map((member) => [member.recording, instantOf(member.started_at)]))
    for (const { recording, viewing, ranges } of watchedParts(known, watched, (one) => began.get(one) ?? null)) {
      if (ranges.length === 0 && !ended) continue
      reportWatched(recording, viewing, ranges, ended).catch(() => undefined) // told whole with the next ten seconds
    }
  }

  const leave = (): void => tell(player.value?.watchedRanges ?? [])
  function end(): void {
    tell(player.value?.watchedRanges ?? [], true)
    time = null // the player tells once more when it goes, of looks that have ended
  }

  function noteCurrent(): void {
    const now = moment()
    const member = now === null ? undefined : session.value?.members.filter((one) => channelKey(one.channel) === main.value && now >= one.offset && now < one.offset + one.duration).pop()
    current.value = member?.recording ?? null
  }

  window.addEventListener('pagehide', end)
  onMounted(() => (timer = window.setInterval(noteCurrent, CURRENT_EVERY_MS)))
  onBeforeUnmount(() => {
    window.removeEventListener('pagehide', end)
    window.clearInterval(timer)
    end()
  })
  return { problem, needsReason, reason, current, moment, momentsOf, open, openWithReason, attached, failed, goTo, tell, leave }
}
