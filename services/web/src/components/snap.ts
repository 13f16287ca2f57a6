/** Find out which range a verbatim clip would have, while a range is chosen. */

import { shallowRef, watch, type Ref, type ShallowRef } from 'vue'
import type { ClipMode, ClipRange } from '../api/clip'
import type { EvidencePlayer } from '../elements/player/element'
import type { FrameTimes } from '../elements/player/frames'

export function useSnap(
  range: ShallowRef<ClipRange | null>,
  mode: Ref<ClipMode>,
  frames: Ref<FrameTimes | null>,
  player: Ref<EvidencePlayer | null>,
): ShallowRef<ClipRange | null> {
  const snap = shallowRef<ClipRange | null>(null)
  watch([range, mode, frames], async () => {
    const wanted = range.value
    const found = wanted && frames.value ? await frames.value.snap(wanted.start, wanted.end, player.value?.duration ?? 0).catch(() => null) : null
    if (wanted !== range.value) return
    snap.value = found
    player.value?.showSnap(mode.value === 'verbatim' ? found : null)
  })
  return snap
}
