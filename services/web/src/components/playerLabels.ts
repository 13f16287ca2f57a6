/** Give the player its texts, and give them again when the language changes. */

import { watch, type Ref } from 'vue'
import { useI18n } from 'vue-i18n'
import type { EvidencePlayer } from '../elements/player/element'
import { useWords } from './words'

export function usePlayerLabels(player: Ref<EvidencePlayer | null>): void {
  const { tm, locale } = useI18n()
  const { wordOf } = useWords()
  watch(
    [player, locale],
    () => {
      const element = player.value
      if (!element) return
      element.labels = { ...(tm('player') as Record<string, string>) }
      element.commandLabels = { ...(tm('key') as Record<string, string>) }
      element.flagName = (kind) => wordOf('flag', kind)
      element.refreshLabels()
    },
    { flush: 'post' },
  )
}
