/** Who is logged in on these pages, and what they may do. */

import { computed, ref, type Ref } from 'vue'
import * as archive from '../api/archive'
import { Problem, setCsrfToken } from '../api/http'
import type { Credentials, Person } from '../api/types'
import { adoptLanguage } from '../i18n'

const signedIn: Ref<Person | null> = ref(null)
let asked: Promise<Person | null> | null = null

export const person = computed(() => signedIn.value)

/** Ask once who is logged in; null when nobody is. Raises `Problem` when the archive cannot answer. */
export function restore(): Promise<Person | null> {
  asked ??= archive.whoAmI().then(adopt, (error: unknown) => {
    asked = null
    if (error instanceof Problem && error.status === 401) return null
    throw error
  })
  return asked
}

export async function logIn(credentials: Credentials): Promise<Person> {
  const found = adopt(await archive.logIn(credentials))
  asked = Promise.resolve(found)
  return found
}

export async function logOut(): Promise<void> {
  await archive.logOut()
  forget()
}

/** Forget the person, without asking the archive: the session has ended. */
export function forget(): void {
  signedIn.value = null
  asked = null
  setCsrfToken('')
}

/** Say whether this person may do `action`. The archive decides again on every request; this only hides what would be refused. */
export function may(action: string): boolean {
  return signedIn.value?.rights.includes(action) ?? false
}

function adopt(found: Person): Person {
  signedIn.value = found
  setCsrfToken(found.csrf ?? '')
  if (found.language) adoptLanguage(found.language)
  return found
}
