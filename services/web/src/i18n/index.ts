/** Speak Chinese or English. Chinese is the default; a choice made on this machine wins over the account's. */

import { createI18n } from 'vue-i18n'
import en from './en'
import zhCN from './zh-CN'

export const LANGUAGES = ['zh-CN', 'en'] as const
export type Language = (typeof LANGUAGES)[number]

const KEPT_UNDER = 'huisu.language'

export const i18n = createI18n({
  legacy: false,
  locale: keptLanguage() ?? 'zh-CN',
  fallbackLocale: 'zh-CN',
  messages: { 'zh-CN': zhCN, en },
})

/** Translate outside of components. */
export const t = i18n.global.t

export function currentLanguage(): Language {
  return i18n.global.locale.value as Language
}

/** Speak `language` from now on, and keep the choice on this machine. */
export function chooseLanguage(language: Language): void {
  try {
    localStorage.setItem(KEPT_UNDER, language)
  } catch {
    // storage is refused here: the choice holds until the page is closed
  }
  speak(language)
}

/** Speak the account's language, unless another one was chosen on this machine. */
export function adoptLanguage(language: string): void {
  if (keptLanguage() === null && isLanguage(language)) speak(language)
}

/** Tell the document which language it is in. */
export function speak(language: Language = currentLanguage()): void {
  i18n.global.locale.value = language
  document.documentElement.lang = language
}

function keptLanguage(): Language | null {
  try {
    const kept = localStorage.getItem(KEPT_UNDER)
    return isLanguage(kept) ? kept : null
  } catch {
    return null
  }
}

function isLanguage(value: string | null): value is Language {
  return LANGUAGES.some((language) => language === value)
}
