/**
 * Read the file name out of a Content-Disposition header; null when it names none.
 *
 * `filename*` (UTF-8, percent-encoded) wins over `filename`. Source: RFC 6266 section 4.3, RFC 8187.
 */
export function fileNameOf(header: string | null): string | null {
  if (!header) return null
  const extended = /filename\*\s*=\s*UTF-8''([^;]+)/i.exec(header)
  if (extended?.[1]) {
    try {
      return decodeURIComponent(extended[1].trim())
    } catch {
      return null
    }
  }
  const plain = /filename\s*=\s*(?:"([^"]*)"|([^;]+))/i.exec(header)
  return (plain?.[1] ?? plain?.[2])?.trim() || null
}
