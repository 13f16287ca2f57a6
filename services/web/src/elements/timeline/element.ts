/**
 * `<evidence-timeline>`: the recordings of a case on one wall clock, a lane for each camera or channel.
 *
 * A custom element without a framework. Set `labels`, then `timeline`; listen to
 * `timeline-open` {recording, position (seconds in it), instant (ms)}.
 */

import type { Timeline } from '../../api/types'
import { formatInstant } from '../../words/time'
import { fit, instantAt, pan, reveal, shareOf, ticks, within, zoom, type Extent } from './axis'
import { swimlanes, type Lane, type Span, type Swimlanes } from './lanes'
import { STYLE } from './style'

const PIXELS_PER_TICK = 110
const ZOOM_STEP = 2

const TEMPLATE = `
<section class="timeline" role="region">
  <div class="tools" role="toolbar">
    <button type="button" data-do="zoom-in" data-label="zoomIn">+</button>
    <button type="button" data-do="zoom-out" data-label="zoomOut">−</button>
    <button type="button" data-do="fit" data-text="fit"></button>
    <button type="button" data-do="earlier" data-label="earlier">◀</button>
    <button type="button" data-do="later" data-label="later">▶</button>
    <button type="button" data-do="previous" data-text="previous"></button>
    <button type="button" data-do="next" data-text="next"></button>
    <span class="hint" data-text="hint"></span>
  </div>
  <div class="overview" data-label="overview" role="img"></div>
  <div class="axis" aria-hidden="true"></div>
  <div class="lanes" role="list"></div>
</section>`

export class EvidenceTimeline extends HTMLElement {
  private readonly section: HTMLElement
  private readonly overview: HTMLElement
  private readonly axis: HTMLElement
  private readonly lanes: HTMLElement
  private readonly pointer = made('div', 'pointer')
  private words: Readonly<Record<string, string>> = {}
  private shown: Swimlanes | null = null
  private view: Extent = { from: 0, to: 1 }
  private current: Span | null = null
  private readonly resized = new ResizeObserver(() => this.drawAxis())

  constructor() {
    super()
    const root = this.attachShadow({ mode: 'open' })
    root.innerHTML = `<style>${STYLE}</style>${TEMPLATE}`
    const one = (selector: string): HTMLElement => root.querySelector<HTMLElement>(selector)!
    this.section = one('.timeline')
    this.overview = one('.overview')
    this.axis = one('.axis')
    this.lanes = one('.lanes')
    this.pointer.append(document.createElement('span'))
    this.wire(root)
  }

  connectedCallback(): void {
    this.resized.observe(this)
  }

  disconnectedCallback(): void {
    this.resized.disconnect()
  }

  set labels(words: Readonly<Record<string, string>>) {
    this.words = words
    const root = this.shadowRoot!
    for (const part of root.querySelectorAll<HTMLElement>('[data-text]')) part.textContent = this.label(part.dataset.text!)
    for (const part of root.querySelectorAll<HTMLElement>('[data-label]')) {
      part.setAttribute('aria-label', this.label(part.dataset.label!))
      part.title = this.label(part.dataset.label!)
    }
    this.section.setAttribute('aria-label', this.label('label'))
    this.draw()
  }

  set timeline(timeline: Timeline) {
    this.shown = swimlanes(timeline)
    this.current = null
    if (this.shown) this.view = fit(this.shown.bounds)
    this.draw()
  }

  private wire(root: ShadowRoot): void {
    root.addEventListener('click', (event) => {
      const command = (event.target as Element).closest<HTMLElement>('[data-do]')?.dataset.do
      if (command) this.run(command)
    })
    this.overview.addEventListener('click', (event) => {
      if (!this.shown) return
      const instant = instantAt(fit(this.shown.bounds), shareUnder(this.overview, event.clientX))
      const half = (this.view.to - this.view.from) / 2
      this.look(within({ from: instant - half, to: instant + half }, fit(this.shown.bounds)))
    })
    this.lanes.addEventListener('wheel', (event) => this.wheeled(event), { passive: false })
    this.lanes.addEventListener('pointermove', (event) => this.point(event))
    this.lanes.addEventListener('pointerleave', () => (this.pointer.hidden = true))
  }

  private run(command: string): void {
    if (!this.shown) return
    const whole = fit(this.shown.bounds)
    const middle = this.current ? (this.current.start + this.current.end) / 2 : (this.view.from + this.view.to) / 2
    const anchor = Math.min(Math.max(middle, this.view.from), this.view.to)
    if (command === 'zoom-in') this.look(zoom(this.view, ZOOM_STEP, anchor, whole))
    if (command === 'zoom-out') this.look(zoom(this.view, 1 / ZOOM_STEP, anchor, whole))
    if (command === 'fit') this.look(whole)
    if (command === 'earlier') this.look(pan(this.view, -0.5, whole))
    if (command === 'later') this.look(pan(this.view, 0.5, whole))
    if (command === 'previous') this.walk(-1)
    if (command === 'next') this.walk(1)
  }

  /** Go to the neighbour of the current recording in order of time, and give it the focus. */
  private walk(by: 1 | -1): void {
    const order = this.shown!.order
    const now = this.current ? order.indexOf(this.current) : by > 0 ? -1 : order.length
    const span = order[Math.max(0, Math.min(order.length - 1, now + by))]!
    this.current = span
    this.look(reveal(this.view, span.start, span.end, fit(this.shown!.bounds)))
    this.lanes.querySelector<HTMLElement>(`[data-recording="${span.recording}"]`)?.focus()
  }

  private wheeled(event: WheelEvent): void {
    if (!this.shown || !(event.ctrlKey || event.shiftKey)) return
    event.preventDefault()
    const whole = fit(this.shown.bounds)
    const track = this.lanes.querySelector<HTMLElement>('.track')
    if (event.ctrlKey && track) {
      const anchor = instantAt(this.view, shareUnder(track, event.clientX))
      this.look(zoom(this.view, event.deltaY < 0 ? ZOOM_STEP : 1 / ZOOM_STEP, anchor, whole))
    } else this.look(pan(this.view, Math.sign(event.deltaY || event.deltaX) * 0.2, whole))
  }

  private look(view: Extent): void {
    this.view = view
    this.draw()
  }

  private draw(): void {
    if (!this.shown) {
      this.lanes.replaceChildren()
      return
    }
    this.drawOverview(this.shown)
    this.drawAxis()
    const focused = (this.shadowRoot!.activeElement as HTMLElement | null)?.dataset.recording
    this.lanes.replaceChildren(...this.shown.lanes.map((lane) => this.drawLane(lane)), this.pointer)
    this.pointer.hidden = true
    if (focused) this.lanes.querySelector<HTMLElement>(`[data-recording="${focused}"]`)?.focus()
  }

  private drawOverview(shown: Swimlanes): void {
    const whole = fit(shown.bounds)
    const frame = placed(document.createElement('b'), whole, this.view.from, this.view.to)
    const bars = shown.order.map((span) => placed(document.createElement('i'), whole, span.start, span.end))
    this.overview.replaceChildren(...bars, frame)
  }

  private drawAxis(): void {
    if (!this.shown) return
    const most = Math.max(2, Math.floor(this.axis.clientWidth / PIXELS_PER_TICK))
    const marks = ticks(this.view, most).map((tick) => {
      const mark = made('span', tick.dated ? 'dated' : '', tick.label)
      mark.style.left = `${shareOf(this.view, tick.instant) * 100}%`
      return mark
    })
    this.axis.replaceChildren(...marks)
  }

  private drawLane(lane: Lane): HTMLElement {
    const row = made('div', 'lane')
    row.setAttribute('role', 'listitem')
    const track = made('div', 'track')
    const seen = (range: { start: number; end: number }): boolean => range.end >= this.view.from && range.start <= this.view.to
    track.append(
      ...lane.gaps.filter(seen).map((gap) => this.drawMark('gap', gap, lane)),
      ...lane.overlaps.filter(seen).map((overlap) => this.drawMark('overlap', overlap, lane)),
      ...lane.spans.filter(seen).map((span) => this.drawSpan(span, lane)),
    )
    row.append(made('div', 'name', lane.label), track)
    return row
  }

  private drawMark(kind: 'gap' | 'overlap', range: { start: number; end: number }, lane: Lane): HTMLElement {
    const mark = placed(made('div', kind), this.view, range.start, range.end)
    mark.setAttribute('role', 'img')
    mark.dataset.testid = `timeline-${kind}`
    mark.title = `${this.label(kind)} ${clockRange(range)}`
    mark.setAttribute('aria-label', `${lane.label}, ${mark.title}`)
    return mark
  }

  private drawSpan(span: Span, lane: Lane): HTMLElement {
    const bar = placed(made('button', 'span', formatInstant(span.start).slice(11)), this.view, span.start, span.end) as HTMLButtonElement
    bar.type = 'button'
    bar.dataset.testid = 'timeline-span'
    bar.dataset.recording = span.recording
    bar.title = `${clockRange(span)} · ${this.label('open')}`
    bar.setAttribute('aria-label', `${lane.label}, ${this.label('span')} ${clockRange(span)}`)
    bar.addEventListener('focus', () => (this.current = span))
    // a click from the keyboard has no place: it opens the recording at its start
    bar.addEventListener('click', (event) => this.open(span, event.detail === 0 ? span.start : this.instantUnder(event.clientX)))
    return bar
  }

  private open(span: Span, wanted: number): void {
    // a bar is drawn wider than a short recording is: a place behind its end means the recording, not its last frame
    const instant = wanted >= span.end ? span.start : Math.max(span.start, wanted)
    const detail = { recording: span.recording, position: (instant - span.start) / 1000, instant }
    this.dispatchEvent(new CustomEvent('timeline-open', { detail, bubbles: true, composed: true }))
  }

  private instantUnder(clientX: number): number {
    const track = this.lanes.querySelector<HTMLElement>('.track')
    return track ? instantAt(this.view, shareUnder(track, clientX)) : this.view.from
  }

  private point(event: PointerEvent): void {
    const track = this.lanes.querySelector<HTMLElement>('.track')
    if (!track) return
    const share = shareUnder(track, event.clientX)
    const box = this.lanes.getBoundingClientRect()
    this.pointer.hidden = event.clientX < track.getBoundingClientRect().left
    this.pointer.style.left = `${event.clientX - box.left}px`
    this.pointer.classList.toggle('left', share > 0.8)
    this.pointer.firstElementChild!.textContent = formatInstant(instantAt(this.view, share))
  }

  private label(name: string): string {
    return this.words[name] ?? name
  }
}

function made(tag: string, className: string, text = ''): HTMLElement {
  const element = document.createElement(tag)
  element.className = className
  element.textContent = text
  return element
}

function placed<T extends HTMLElement>(element: T, view: Extent, start: number, end: number): T {
  element.style.left = `${shareOf(view, start) * 100}%`
  element.style.width = `${(shareOf(view, end) - shareOf(view, start)) * 100}%`
  return element
}

function clockRange(range: { start: number; end: number }): string {
  return `${formatInstant(range.start)} – ${formatInstant(range.end).slice(11)}`
}

function shareUnder(element: HTMLElement, clientX: number): number {
  const box = element.getBoundingClientRect()
  return box.width > 0 ? Math.max(0, Math.min(1, (clientX - box.left) / box.width)) : 0
}

/** Make the element known to the browser, once. */
export function defineTimeline(): void {
  if (!customElements.get('evidence-timeline')) customElements.define('evidence-timeline', EvidenceTimeline)
}
