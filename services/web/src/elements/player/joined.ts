/** Join what an address gives to a viewing, where the address does not do so already. */
export function withViewing(url: string, base: string, viewing: string | null): string {
  const address = new URL(url, base)
  if (viewing && !address.searchParams.has('viewing')) address.searchParams.set('viewing', viewing)
  return address.href
}
