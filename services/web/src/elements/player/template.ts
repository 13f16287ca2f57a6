/** The player's parts, and how to find them. */

const ICONS = {
  play: 'M7 4.5v15l12-7.5z',
  pause: 'M6 5h4v14H6zM14 5h4v14h-4z',
  back: 'M12 6V3L7 7.5 12 12V9a5 5 0 1 1-5 5H5a7 7 0 1 0 7-8z',
  forward: 'M12 6V3l5 4.5L12 12V9a5 5 0 1 0 5 5h2a7 7 0 1 1-7-8z',
  sound: 'M4 9v6h4l5 4V5L8 9zM16 8.5a5 5 0 0 1 0 7M18.5 6a8.5 8.5 0 0 1 0 12',
  full: 'M4 9V4h5v2H6v3zM15 4h5v5h-2V6h-3zM4 15h2v3h3v2H4zM18 15h2v5h-5v-2h3z',
  frameBack: 'M5 5h2v14H5zM19 5v14L9 12z',
  frameForward: 'M17 5h2v14h-2zM5 5v14l10-7z',
  cite: 'M7 7h4v5c0 3-1 5-4 6v-2c1-1 2-2 2-4H7zM14 7h4v5c0 3-1 5-4 6v-2c1-1 2-2 2-4h-2z',
  still: 'M4 7h4l2-2h4l2 2h4v12H4zM12 9a4 4 0 1 0 0 8 4 4 0 0 0 0-8zm0 2a2 2 0 1 1 0 4 2 2 0 0 1 0-4z',
  keys: 'M3 6h18v12H3zM6 9h2v2H6zM10 9h2v2h-2zM14 9h2v2h-2zM7 14h10v2H7z',
} as const

function icon(name: keyof typeof ICONS): string {
  return `<svg viewBox="0 0 24 24" width="18" height="18" aria-hidden="true"><path d="${ICONS[name]}" fill="currentColor" fill-rule="evenodd"/></svg>`
}

export const ICON_PLAY = icon('play')
export const ICON_PAUSE = icon('pause')

/** Texts are set later through `data-label` (accessible name and tooltip), `data-title` (tooltip of what says itself) and `data-text` (content). */
export const TEMPLATE = `
<section class="player" role="region" data-label="region">
  <div class="screen">
    <video playsinline preload="auto" data-testid="player-video" tabindex="-1"></video>
    <div class="cover" role="status"></div>
  </div>
  <div class="controls" role="toolbar" data-label="region">
    <button type="button" data-do="back-5" data-label="back">${icon('back')}</button>
    <button type="button" class="main" data-do="play-pause" data-label="play" data-testid="player-play">${ICON_PLAY}</button>
    <button type="button" data-do="forward-5" data-label="forward">${icon('forward')}</button>
    <button type="button" data-do="faster" data-title="speed" class="rate" data-testid="player-rate">1×</button>
    <button type="button" class="times" data-do="switch-time" data-title="switchTime">
      <span class="clock" data-testid="player-clock"></span><span class="offset" data-testid="player-offset"></span>
    </button>
    <span class="space"></span>
    <button type="button" data-do="mute" data-label="mute">${icon('sound')}</button>
    <button type="button" data-do="fullscreen" data-label="fullscreen">${icon('full')}</button>
    <button type="button" data-do="keys" data-label="keys" data-testid="player-keys">${icon('keys')}</button>
  </div>
  <div class="controls frame-row" hidden>
    <button type="button" data-do="frame-back" data-label="frameBack" data-testid="frame-back">${icon('frameBack')}</button>
    <button type="button" data-do="frame-forward" data-label="frameForward" data-testid="frame-forward">${icon('frameForward')}</button>
    <span class="frame"><span data-text="frame"></span> <output class="frame-now" data-testid="player-frame">—</output></span>
    <span class="space"></span>
    <button type="button" class="with-icon" data-do="cite" data-testid="frame-cite">${icon('cite')}<span data-text="cite"></span></button>
    <button type="button" class="with-icon" data-do="still" data-testid="frame-still">${icon('still')}<span data-text="still"></span></button>
  </div>
  <div class="lanes">
    <div class="scrub" role="slider" tabindex="0" data-label="position" aria-valuemin="0" data-testid="player-scrub">
      <div class="rail"></div><div class="gaps"></div><div class="watched"></div><div class="snap" data-title="snap" data-testid="player-snap" hidden></div><div class="range" data-testid="player-range" hidden></div>
      <div class="flags"></div><div class="cursor"></div>
      <div class="hover" hidden><div class="tile"></div><span class="hover-time"></span></div>
    </div>
    <div class="sound"><canvas class="peaks" role="img" data-label="sound"></canvas><span class="no-sound" data-text="noSound" hidden></span></div>
  </div>
  <div class="range-form">
    <label class="jump"><span data-text="jump"></span>
      <input type="text" class="jump-field" autocomplete="off" spellcheck="false" data-testid="jump-field" />
    </label>
    <label><span data-text="in"></span>
      <input type="text" class="in-field" autocomplete="off" spellcheck="false" placeholder="00:00:00.000" data-testid="clip-in" /></label>
    <button type="button" data-do="set-in" data-text="setIn" data-testid="clip-set-in"></button>
    <label><span data-text="out"></span>
      <input type="text" class="out-field" autocomplete="off" spellcheck="false" placeholder="00:00:00.000" data-testid="clip-out" /></label>
    <button type="button" data-do="set-out" data-text="setOut" data-testid="clip-set-out"></button>
  </div>
  <div class="range-form acts">
    <span class="length" data-testid="clip-length"></span>
    <span class="space"></span>
    <button type="button" data-do="clear-range" data-text="clearRange"></button>
    <button type="button" data-do="preview" data-text="preview" data-testid="clip-preview" aria-pressed="false"></button>
    <button type="button" class="primary" data-do="clip" data-text="clip" data-testid="clip-get"></button>
  </div>
  <p class="message" role="alert" data-testid="player-message"></p>
  <p class="said" role="status" data-testid="player-said"></p>
  <div class="overlay" role="dialog" aria-modal="true" data-label="keys" hidden data-testid="player-keys-overlay">
    <h2 data-text="keys"></h2>
    <dl class="key-list"></dl>
    <label class="keys-on"><input type="checkbox" class="keys-field" /> <span data-text="keysOn"></span></label>
    <button type="button" class="primary" data-do="keys" data-text="close"></button>
  </div>
</section>`

export interface Parts {
  readonly video: HTMLVideoElement
  readonly cover: HTMLElement
  readonly play: HTMLButtonElement
  readonly rate: HTMLButtonElement
  readonly clock: HTMLElement
  readonly offset: HTMLElement
  readonly times: HTMLElement
  readonly scrub: HTMLElement
  readonly watched: HTMLElement
  readonly range: HTMLElement
  readonly snap: HTMLElement
  readonly gaps: HTMLElement
  readonly flags: HTMLElement
  readonly frameRow: HTMLElement
  readonly frameNow: HTMLElement
  readonly cursor: HTMLElement
  readonly hover: HTMLElement
  readonly tile: HTMLElement
  readonly hoverTime: HTMLElement
  readonly sound: HTMLElement
  readonly peaks: HTMLCanvasElement
  readonly noSound: HTMLElement
  readonly jumpField: HTMLInputElement
  readonly inField: HTMLInputElement
  readonly outField: HTMLInputElement
  readonly length: HTMLElement
  readonly message: HTMLElement
  readonly said: HTMLElement
  readonly overlay: HTMLElement
  readonly keyList: HTMLElement
  readonly keysField: HTMLInputElement
  readonly player: HTMLElement
  readonly clip: HTMLButtonElement
  readonly preview: HTMLButtonElement
  readonly mute: HTMLButtonElement
}

export function findParts(root: ShadowRoot): Parts {
  const one = <T extends HTMLElement>(selector: string): T => root.querySelector<T>(selector)!
  return {
    video: one('video'),
    cover: one('.cover'),
    play: one('.main'),
    rate: one('.rate'),
    clock: one('.clock'),
    offset: one('.offset'),
    times: one('.times'),
    scrub: one('.scrub'),
    watched: one('.watched'),
    range: one('.range'),
    snap: one('.snap'),
    gaps: one('.gaps'),
    flags: one('.flags'),
    frameRow: one('.frame-row'),
    frameNow: one('.frame-now'),
    cursor: one('.cursor'),
    hover: one('.hover'),
    tile: one('.tile'),
    hoverTime: one('.hover-time'),
    sound: one('.sound'),
    peaks: one('.peaks'),
    noSound: one('.no-sound'),
    jumpField: one('.jump-field'),
    inField: one('.in-field'),
    outField: one('.out-field'),
    length: one('.length'),
    message: one('.message'),
    said: one('.said'),
    overlay: one('.overlay'),
    keyList: one('.key-list'),
    keysField: one('.keys-field'),
    player: one('.player'),
    clip: one('[data-do="clip"]'),
    preview: one('[data-do="preview"]'),
    mute: one('[data-do="mute"]'),
  }
}
