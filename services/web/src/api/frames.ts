/** Ask for exact frames: when each is shown, and what one shows. */

import type { FrameTile, FrameTileWanted } from '../elements/player/frames'
import { fileNameOf } from '../words/disposition'
import { secondsText } from '../words/seconds'
import { ask, send } from './http'

export const readFrames = (recording: string, viewing: string, wanted: FrameTileWanted): Promise<FrameTile> =>
  ask(`/recordings/${recording}/frames`, { query: 'tile' in wanted ? { tile: wanted.tile, viewing } : { at: secondsText(wanted.at), viewing } })

export interface Still {
  readonly name: string
  readonly content: Blob
}

/** Take frame `number` (without frames: what is shown at `position`) from the original, every pixel of it as PNG. */
export async function fetchStill(recording: string, viewing: string, place: { readonly number: number } | { readonly position: number }): Promise<Still> {
  const query = 'number' in place ? { n: place.number } : { t: secondsText(place.position) }
  const response = await send(`/recordings/${recording}/frame`, { query: { ...query, format: 'png', viewing } })
  const fallback = 'number' in place ? `${recording}_${place.number}.png` : `${recording}_${place.position.toFixed(6)}.png`
  return { name: fileNameOf(response.headers.get('Content-Disposition')) ?? fallback, content: await response.blob() }
}
