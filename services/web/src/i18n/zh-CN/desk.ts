/** Words of the review desk: clips, flags, quotations, sessions. */
export default {
  clip: {
    title: '片段',
    chosen: '所选范围',
    chooseFirst: '先用 I、O 键或输入时间选定入点和出点',
    wouldBe: '实际范围将是',
    modes: {
      exact: {
        name: '精确片段',
        what: '恰好是所选的帧，一帧不多、一帧不少。两端可能须重新编码，能照抄的部分照抄，做成后会逐项说明。',
        make: '制作精确片段',
      },
      verbatim: {
        name: '逐字节片段',
        what: '原始文件的数据包原样取出，不重新编码，可逐帧核验。范围会向外扩到完整的画面组。',
        make: '制作逐字节片段',
      },
    },
    sending: '正在接收片段：{size}',
    broken: '片段没有完整送达，已放弃，请再试一次。',
    done: '片段已下载',
    name: '文件',
    trueRange: '实际范围',
    frames: '帧（不含末帧）',
    kind: '制作方式',
    copied: '未重新编码的帧',
    kinds: {
      verbatim: '逐字节取自原始文件',
      smart: '中段取自原始文件，两端重新编码',
      encoded: '全部重新编码',
    },
  },
  flags: {
    dismiss: '排除',
    restore: '恢复',
    dismissTitle: '排除标记：{flag}',
    dismissHint: '说明为什么这个标记不成立。标记不会消失，理由会写入流转台账。',
    dismissedBy: '{by} 于 {at} 排除：',
    byFile: '来自文件本身',
  },
  quote: {
    citation: '录像《{file}》（{id}，SHA-256 {sha256}）第 {frame} 帧，片内 {position}，时钟 {clock}（UTC+8），{link}',
    citationWithoutFrame: '录像《{file}》（{id}，SHA-256 {sha256}）片内 {position}，时钟 {clock}（UTC+8），{link}',
    copied: '已复制：{text}',
    notCopied: '浏览器不允许复制，请自行选取：{text}',
    taking: '正在从原始文件取这一帧……',
    saved: '已保存 {name}',
  },
}
