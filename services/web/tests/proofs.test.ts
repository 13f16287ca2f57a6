import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { describe, expect, it } from 'vitest'
import { fromBase64, fromHex, hexOf, joined, toBase64, utf8 } from '../src/proofs/bytes'
import { bytesOf, isSigned, pointOf } from '../src/proofs/curve'
import { CHECKS, commitNonce, holds, isHeadSigned, replay, type DrawProof } from '../src/proofs/draw'
import { entriesOf, entryOf, openedBy } from '../src/proofs/entry'
import { checkChain, checkLogged, type ProvenLine } from '../src/proofs/history'
import { fingerprintOf, headOf, keyOf, signerOf } from '../src/proofs/note'
import { sha256, sha512 } from '../src/proofs/sha'
import { checkConsistency, checkInclusion, leafHash, nodeHash, rootOf } from '../src/proofs/tree'
import { checkVrf } from '../src/proofs/vrf'
import draws from './proofs/draws.json'
import told from './proofs/history.json'

const EMPTY = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

describe('digests', () => {
  it('are those of another program for every length around a block', () => {
    for (let length = 0; length < 300; length++) {
      const content = Uint8Array.from({ length }, (_, at) => (at * 7 + length) % 256)

      expect(hexOf(sha256(content))).toBe(createHash('sha256').update(content).digest('hex'))
      expect(hexOf(sha512(content))).toBe(createHash('sha512').update(content).digest('hex'))
    }
  })
})

/** Source: the test data of certificate-transparency: leaves, roots of the first 1 to 8 of them, proofs. */
const LEAVES = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f'].map((one) => leafHash(fromHex(one)))
const ROOTS = [
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328',
].map(fromHex)
const PATH_5_OF_8 = [
  'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b',
  'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
].map(fromHex)
const FROM_6_TO_8 = [
  '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a',
  'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
].map(fromHex)

describe('the tree', () => {
  it('has the known roots', () => {
    expect(hexOf(rootOf([]))).toBe(EMPTY)
    expect(ROOTS.map((_, n) => hexOf(rootOf(LEAVES.slice(0, n + 1))))).toEqual(ROOTS.map(hexOf))
  })

  it('takes the known proofs', () => {
    checkInclusion(LEAVES[5]!, 5, 8, PATH_5_OF_8, ROOTS[7]!)
    checkConsistency(6, ROOTS[5]!, 8, ROOTS[7]!, FROM_6_TO_8)
  })

  it('takes the proof of every leaf and every growth of every small tree, and refuses it for another place', () => {
    const leaves = Array.from({ length: 33 }, (_, n) => leafHash(Uint8Array.of(n)))
    const tree = (start: number, end: number): Uint8Array => rootOf(leaves.slice(start, end))
    for (let size = 1; size <= leaves.length; size++) {
      for (let index = 0; index < size; index++) {
        const path = pathOf(tree, index, size)
        checkInclusion(leaves[index]!, index, size, path, tree(0, size))
        checkConsistency(index + 1, tree(0, index + 1), size, tree(0, size), growthOf(tree, index + 1, size))
        if (size > 1) expect(() => checkInclusion(leaves[index]!, (index + 1) % size, size, path, tree(0, size))).toThrow()
      }
    }
  })

  it('refuses a proof with one bit changed, one hash less or one more', () => {
    for (let step = 0; step < 3; step++) {
      const turned = PATH_5_OF_8.map((one, n) => (n === step ? one.map((byte, at) => (at === 9 ? byte ^ 1 : byte)) : one))
      expect(() => checkInclusion(LEAVES[5]!, 5, 8, turned, ROOTS[7]!)).toThrow()
      const grown = FROM_6_TO_8.map((one, n) => (n === step ? one.map((byte, at) => (at === 9 ? byte ^ 1 : byte)) : one))
      expect(() => checkConsistency(6, ROOTS[5]!, 8, ROOTS[7]!, grown)).toThrow()
    }
    expect(() => checkInclusion(LEAVES[5]!, 5, 8, PATH_5_OF_8.slice(0, 2), ROOTS[7]!)).toThrow()
    expect(() => checkInclusion(LEAVES[5]!, 5, 8, [...PATH_5_OF_8, ROOTS[0]!], ROOTS[7]!)).toThrow()
    expect(() => checkConsistency(6, ROOTS[5]!, 8, ROOTS[7]!, FROM_6_TO_8.slice(0, 2))).toThrow()
    expect(() => checkConsistency(0, fromHex(EMPTY), 8, ROOTS[7]!, [])).toThrow()
  })

  it('refuses hashes of another length', () => {
    expect(() => checkInclusion(LEAVES[5]!, 5, 8, [...PATH_5_OF_8.slice(0, 2), PATH_5_OF_8[2]!.slice(1)], ROOTS[7]!)).toThrow('32 bytes')
  })
})

type Tree = (start: number, end: number) => Uint8Array
const splitOf = (size: number): number => 2 ** Math.floor(Math.log2(size - 1))

/** Source: RFC 6962 section 2.1.1, as written there. */
function pathOf(tree: Tree, index: number, size: number, from = 0): Uint8Array[] {
  if (size === 1) return []
  const half = splitOf(size)
  return index < half ? [...pathOf(tree, index, half, from), tree(from + half, from + size)] : [...pathOf(tree, index - half, size - half, from + half), tree(from, from + half)]
}

/** Source: RFC 6962 section 2.1.2, as written there. */
function growthOf(tree: Tree, old: number, size: number, from = 0, whole = true): Uint8Array[] {
  if (old === size) return whole ? [] : [tree(from, from + size)]
  const half = splitOf(size)
  return old <= half ? [...growthOf(tree, old, half, from, whole), tree(from + half, from + size)] : [...growthOf(tree, old - half, size - half, from + half, false), tree(from, from + half)]
}

describe('signatures', () => {
  it('of another program are taken, and refused for another text, key or signature', () => {
    for (let number = 0; number < 8; number++) {
      const { publicKey, privateKey } = generateKeyPairSync('ed25519')
      const key = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32))
      const text = utf8(`log.example\n${number}\n`)
      const signature = new Uint8Array(sign(null, text, privateKey))
      const turned = (bytes: Uint8Array, at: number): Uint8Array => bytes.map((one, n) => (n === at ? one ^ 4 : one))

      expect(isSigned(key, signature, text)).toBe(true)
      expect(isSigned(key, signature, turned(text, 3))).toBe(false)
      expect(isSigned(turned(key, 5), signature, text)).toBe(false)
      for (const at of [0, 31, 32, 62]) expect(isSigned(key, turned(signature, at), text)).toBe(false)
      expect(isSigned(key, signature.slice(0, 63), text)).toBe(false)
      expect(bytesOf(pointOf(key)!)).toEqual(key)
    }
  })

  it('with an answer beyond the order are refused, though they would fit', () => {
    const { publicKey, privateKey } = generateKeyPairSync('ed25519')
    const key = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }).subarray(-32))
    const signature = new Uint8Array(sign(null, utf8('x'), privateKey))
    const order = fromHex('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010')
    let carry = 0
    for (let at = 0; at < 32; at++) {
      carry += signature[32 + at]! + order[at]!
      signature[32 + at] = carry % 256
      carry >>= 8
    }

    expect(isSigned(key, signature, utf8('x'))).toBe(false)
  })
})

/** Source: RFC 9381 appendix B.3, examples 16 to 18. */
const VRF = [
  [
    'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
    '',
    '8657106690b5526245a92b003bb079ccd1a92130477671f6fc01ad16f26f723f26f8a57ccaed74ee1b190bed1f479d9727d2d0f9b005a6e456a35d4fb0daab1268a1b0db10836d9826a528ca76567805',
    '90cf1df3b703cce59e2a35b925d411164068269d7b2d29f3301c03dd757876ff66b71dda49d2de59d03450451af026798e8f81cd2e333de5cdf4f3e140fdd8ae',
  ],
  [
    '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
    '72',
    'f3141cd382dc42909d19ec5110469e4feae18300e94f304590abdced48aed5933bf0864a62558b3ed7f2fea45c92a465301b3bbf5e3e54ddf2d935be3b67926da3ef39226bbc355bdc9850112c8f4b02',
    'eb4440665d3891d668e7e0fcaf587f1b4bd7fbfe99d0eb2211ccec90496310eb5e33821bc613efb94db5e5b54c70a848a0bef4553a41befc57663b56373a5031',
  ],
  [
    'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
    'af82',
    '9bc0f79119cc5604bf02d23b4caede71393cedfbb191434dd016d30177ccbf8096bb474e53895c362d8628ee9f9ea3c0e52c7a5c691b6c18c9979866568add7a2d41b00b05081ed0f58ee5e31b3a970e',
    '645427e5d00c62a23fb703732fa5d892940935942101e456ecca7bb217c61c452118fec1219202a0edcf038bb6373241578be7217ba85a2687f7a0310b2df19f',
  ],
] as const

describe('the number of the draw', () => {
  it.each(VRF)('of key %s is the one of the standard', (key, alpha, proof, beta) => {
    expect(hexOf(checkVrf(fromHex(key), fromHex(alpha), fromHex(proof)))).toBe(beta)
  })

  it('is refused when a bit of its proof, of its key or of its input differs', () => {
    const [key, alpha, proof] = VRF[2]
    const turned = (text: string, at: number): Uint8Array => fromHex(text).map((one, n) => (n === at ? one ^ 1 : one))

    for (const at of [0, 20, 31, 33, 47, 48, 70]) expect(() => checkVrf(fromHex(key), fromHex(alpha), turned(proof, at))).toThrow()
    expect(() => checkVrf(turned(key, 0), fromHex(alpha), fromHex(proof))).toThrow()
    expect(() => checkVrf(fromHex(key), fromHex('af83'), fromHex(proof))).toThrow()
  })

  it('is refused for a key that has no prime order', () => {
    const [, alpha, proof] = VRF[1]
    const neutral = Uint8Array.from({ length: 32 }, (_, at) => (at === 0 ? 1 : 0))

    expect(() => checkVrf(neutral, fromHex(alpha), fromHex(proof))).toThrow('prime subgroup')
  })
})

const OUTSIDE = draws.outside as unknown as DrawProof
const AGENCY = draws.agency as unknown as DrawProof
const LOG = keyOf('log.example/1+63ae91f5+Af0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY')

function changed(proof: DrawProof, change: (copy: Record<string, never>) => void): DrawProof {
  const copy = JSON.parse(JSON.stringify(proof)) as Record<string, never>
  change(copy)
  return copy as unknown as DrawProof
}

describe('a draw', () => {
  it('with outside inputs is repeated, its number and its signatures included', () => {
    const findings = replay(OUTSIDE, [LOG])

    expect(findings.filter((one) => one.verdict === 'fail')).toEqual([])
    expect(holds(findings)).toBe(true)
    expect(findings.filter((one) => one.verdict === 'pass').map((one) => one.words)).toEqual(expect.arrayContaining(['definition', 'inclusion', 'signed', 'key', 'nonce', 'witness', 'population', 'draw']))
    expect(new Set(findings.map((one) => one.check))).toEqual(new Set(CHECKS))
  })

  it('that the agency seeded alone is repeated, and this is said', () => {
    const findings = replay(AGENCY, [LOG])

    expect(holds(findings)).toBe(true)
    expect(findings.find((one) => one.words === 'agencySeeded')?.verdict).toBe('not-checked')
  })

  it('without a key of the log is repeated, and this is said', () => {
    const findings = replay(OUTSIDE, [])

    expect(findings.find((one) => one.check === 'checkpoint')?.words).toBe('noKey')
    expect([holds(findings), isHeadSigned(findings)]).toEqual([true, false])
    expect(isHeadSigned(replay(OUTSIDE, [LOG]))).toBe(true)
  })

  it('under another key of the log is refused', () => {
    const other = keyOf(`log.example/1+${otherKey.id}+${otherKey.text}`)

    expect(replay(OUTSIDE, [other]).find((one) => one.verdict === 'fail')?.check).toBe('checkpoint')
  })

  const ways: [string, string, (copy: any) => void][] = [
    ['another definition', 'definition', (copy) => (copy.define.disclosure[0].value = '"someone"')],
    ['another place in the log', 'inclusion', (copy) => (copy.define.index += 1)],
    ['a changed step of the proof', 'inclusion', (copy) => (copy.define.inclusion[0] = toBase64(new Uint8Array(32)))],
    ['the size of the head changed', 'checkpoint', (copy) => (copy.checkpoint = copy.checkpoint.replace(/\n(\d+)\n/, '\n10\n'))],
    ['another key of the draw', 'key', (copy) => (copy.vrf.key = '00'.repeat(32))],
    ['another number of the draw', 'key', (copy) => (copy.vrf.proof = copy.vrf.proof.replace(/.$/, (last: string) => (last === '0' ? '1' : '0')))],
    ['another nonce', 'inputs', (copy) => (copy.inputs[0].value = '11'.repeat(32))],
    ['an input less', 'inputs', (copy) => copy.inputs.pop()],
    ['a signature of the witness over something else', 'inputs', (copy) => (copy.inputs[1].value = toBase64(new Uint8Array(64)))],
    ['a ticket less', 'population', (copy) => (copy.tickets = toBase64(fromBase64(copy.tickets).slice(25)))],
    ['two tickets in another order', 'population', (copy) => (copy.tickets = toBase64(swapped(fromBase64(copy.tickets))))],
    ['another seed', 'draw', (copy) => (copy.result.disclosure.find((one: any) => one.name === 'seed').value = `"${'00'.repeat(32)}"`)],
    ['the result of another draw', 'draw', (copy) => (copy.result = AGENCY.result)],
  ]
  it.each(ways)('with %s fails there, and nothing behind it is said to hold', (_, check, change) => {
    const findings = replay(changed(OUTSIDE, change as never), [LOG])
    const at = findings.findIndex((one) => one.verdict === 'fail')

    expect(findings[at]?.check).toBe(check)
    expect(findings.slice(at + 1).every((one) => one.verdict === 'not-checked')).toBe(true)
    expect(holds(findings)).toBe(false)
  })

  it('is refused for whatever is no proof', () => {
    for (const wrong of [{}, { format: 'huisu/draw-proof/v1' }, { ...OUTSIDE, define: null }, { ...OUTSIDE, tickets: 7 }]) {
      expect(holds(replay(wrong as unknown as DrawProof, [LOG]))).toBe(false)
    }
  })

  it('knows a nonce by its commitment', () => {
    const { defined, value } = { defined: OUTSIDE.define.disclosure.find((one) => one.name === 'seed_sources')!.value, value: OUTSIDE.inputs[0]!.value }

    expect(defined).toContain(commitNonce(fromHex(value)))
  })
})

function swapped(tickets: Uint8Array): Uint8Array {
  return joined(tickets.slice(25, 50), tickets.slice(0, 25), tickets.slice(50))
}

const otherKey = (() => {
  const material = joined(Uint8Array.of(1), fromHex(VRF[0][0]))
  return { id: hexOf(sha256(joined(utf8('log.example/1\n'), material)).slice(0, 4)), text: toBase64(material) }
})()

const LINES = told.lines as unknown as ProvenLine[]

describe('a history', () => {
  it('as the archive keeps it has a whole chain whose values are those committed to', () => {
    expect(checkChain(told.obj, LINES)).toEqual({ checked: 3, broken: [], altered: [], lost: [] })
    expect(openedBy(entryOf(LINES[1]!.entry), LINES[1]!.fields)).toEqual({ actor: '李', reason: '核对“起止”时间 ✓', role: 'reviewer' })
  })

  it('without one of its entries is broken there', () => {
    expect(checkChain(told.obj, [LINES[0]!, LINES[2]!]).broken).toEqual([1])
    expect(checkChain(told.obj, LINES.slice(1)).broken).toEqual([0, 1])
    expect(checkChain('another', LINES).broken).toEqual([0, 1, 2])
  })

  it('with a value, a salt or a name changed is altered there', () => {
    for (const at of [0, 1, 2]) {
      const fields = LINES[1]!.fields.map((field, n) => (n === 0 ? field.map((one, place) => (place === at ? { 0: 'aktor', 1: toBase64(new Uint8Array(16)), 2: '"王"' }[at]! : one)) : field))
      const report = checkChain(told.obj, [LINES[0]!, { ...LINES[1]!, fields: fields as never }, LINES[2]!])

      expect(report).toEqual({ checked: 3, broken: [], altered: [1], lost: [] })
    }
  })

  it('whose values were lost in a restore is not checked there, and only where none are shown', () => {
    const lost = { ...LINES[1]!, fields: [], values_lost: true }

    expect(checkChain(told.obj, [LINES[0]!, lost, LINES[2]!])).toEqual({ checked: 3, broken: [], altered: [], lost: [1] })
    expect(checkChain(told.obj, [LINES[0]!, { ...lost, values_lost: false }]).altered).toEqual([1])
    expect(checkChain(told.obj, [LINES[0]!, { ...lost, fields: LINES[0]!.fields }]).altered).toEqual([1])
  })

  it('with an entry in another form of writing is broken', () => {
    const spaced = { ...LINES[1]!, entry: LINES[1]!.entry.replace('{"v":1,', '{"v":1, ') }

    expect(checkChain(told.obj, [LINES[0]!, spaced]).broken).toEqual([1])
  })

  it('is in the log, entry by entry, under a head that its key signed', () => {
    const key = keyOf(told.key)
    told.proofs.forEach((proof, n) => {
      expect(checkLogged(LINES[n]!.entry, proof, [key])).toMatchObject({ index: proof.index, size: 9, key: { name: 'log.example/1' } })
      expect(() => checkLogged(LINES[(n + 1) % 3]!.entry, proof, [key])).toThrow()
      expect(checkLogged(LINES[n]!.entry, proof, [keyOf(`log.example/1+${otherKey.id}+${otherKey.text}`)]).key).toBeNull()
    })
  })

  it('is not in the log of another head', () => {
    const [proof] = told.proofs

    expect(() => checkLogged(LINES[0]!.entry, { ...proof!, size: 8 }, [])).toThrow()
    expect(() => checkLogged(LINES[0]!.entry, { ...proof!, checkpoint: proof!.checkpoint.replace('\n9\n', '\n8\n') }, [])).toThrow('signed head')
  })
})

describe('notes and bundles', () => {
  it('name their signer', () => {
    const head = headOf(OUTSIDE.checkpoint)

    expect(signerOf(head, [LOG])).toBe(LOG)
    expect(signerOf({ ...head, body: `${head.body} ` }, [LOG])).toBeNull()
    expect(fingerprintOf(LOG)).toMatch(/^([0-9a-f]{8} ){7}[0-9a-f]{8}$/)
  })

  it('are refused in another form', () => {
    for (const wrong of ['', 'a\n1\n', OUTSIDE.checkpoint.replace('\n\n', '\n'), OUTSIDE.checkpoint.replace(/\n(\d+)\n/, '\n0$1\n'), OUTSIDE.checkpoint.trimEnd()]) expect(() => headOf(wrong)).toThrow()
    expect(() => keyOf('log.example/1+00000000+Af0XJDhaoMdbZPt4zWAvodmR/ev3axPFjtcC6sg16fYY')).toThrow('id')
  })

  it('of entries are read by their lengths', () => {
    expect(entriesOf(joined(Uint8Array.of(0, 2), utf8('ab'), Uint8Array.of(0, 0), Uint8Array.of(0, 1), utf8('c')))).toEqual(['ab', '', 'c'])
    expect(() => entriesOf(Uint8Array.of(0, 3, 65))).toThrow()
    expect(nodeHash(ROOTS[0]!, ROOTS[0]!).length).toBe(32)
  })
})
