/** How the player looks. Colours keep 4.5:1 for text and 3:1 for marks. */
export const STYLE = `
:host { display: block; font: inherit; color: #1b2733; }
[hidden] { display: none !important; }
.player { position: relative; background: #fff; border: 1px solid #cfd8e1; border-radius: 6px; overflow: hidden; }
.screen { position: relative; background: #0d131a; aspect-ratio: 16 / 9; max-height: var(--player-screen, 60vh); margin: 0 auto; }
video { width: 100%; height: 100%; display: block; object-fit: contain; background: #0d131a; }
.cover { position: absolute; inset: 0; display: flex; align-items: center; justify-content: center; padding: 24px; text-align: center;
  color: #eef3f8; background: rgba(13, 19, 26, .82); white-space: pre-line; }
.cover:empty { display: none; }
.controls, .range-form { display: flex; align-items: center; gap: 5px; padding: 6px 10px; flex-wrap: wrap; }
.controls { border-bottom: 1px solid #e1e7ee; }
.space { flex: 1; }
button { font: inherit; font-size: 13px; min-height: 28px; min-width: 28px; padding: 2px 7px; border: 1px solid #b9c5d1; border-radius: 4px; background: #fff; color: #1b2733;
  cursor: pointer; display: inline-flex; align-items: center; justify-content: center; }
button:hover:not(:disabled) { background: #eef3f9; }
button:disabled { color: #67737f; background: #f3f5f8; cursor: not-allowed; }
button.primary, button.main { background: #1d4f91; border-color: #1d4f91; color: #fff; }
button.primary:hover:not(:disabled), button.main:hover:not(:disabled) { background: #173f74; }
button.primary:disabled { background: #dfe5ec; border-color: #c6d0da; color: #55616d; }
button[aria-pressed="true"] { background: #dfe9f6; border-color: #1d4f91; }
:focus-visible { outline: 2px solid #d98200; outline-offset: 1px; }
.rate { min-width: 46px; font-variant-numeric: tabular-nums; }
.times { border: 0; gap: 8px; padding: 2px 4px; font-variant-numeric: tabular-nums; font-weight: 600; }
.times .minor { color: #56626f; font-weight: 400; }
label { display: inline-flex; align-items: center; gap: 5px; font-size: 13px; color: #3c4956; }
input[type=text] { font: inherit; font-variant-numeric: tabular-nums; width: 118px; min-height: 26px; padding: 0 6px; border: 1px solid #8d9aa8; border-radius: 4px; color: #1b2733; background: #fff; }
input[aria-invalid=true] { border-color: #b42318; background: #fff5f4; }
.jump { margin-right: 6px; }
.acts { padding-top: 0; }
.lanes { padding: 8px 10px 4px; }
.scrub { position: relative; height: 34px; cursor: pointer; touch-action: none; }
.rail { position: absolute; left: 0; right: 0; top: 13px; height: 8px; background: #d5dde6; border-radius: 4px; }
.watched i, .flags i, .gaps i, .gaps b { position: absolute; display: block; }
.watched i { top: 22px; height: 3px; background: #5c7fa8; }
.flags i { top: 2px; height: 8px; min-width: 3px; background: repeating-linear-gradient(135deg, #b45309 0 3px, #fbe3c4 3px 6px); border: 1px solid #8f4206; }
.flags i { cursor: pointer; }
.flags i.dismissed { background: #eef1f4; border-style: dashed; border-color: #8d9aa8; }
.flags i.dismissed::after { content: ''; position: absolute; left: 0; right: 0; top: 3px; border-top: 1px solid #56626f; }
.gaps i { top: 10px; height: 14px; min-width: 2px; box-sizing: border-box; border: 1px dashed #8f4206; background: repeating-linear-gradient(135deg, #d98a3d 0 3px, #fdf3e6 3px 8px); }
.gaps b { top: 8px; height: 18px; width: 1px; background: #3c4956; }
.snap { position: absolute; top: 24px; height: 6px; box-sizing: border-box; border: 1px solid #1e6b3a; background: repeating-linear-gradient(90deg, #1e6b3a 0 4px, #cfe6d6 4px 8px); min-width: 2px; }
.range { position: absolute; top: 11px; height: 12px; background: rgba(29, 79, 145, .38); border-left: 2px solid #1d4f91; border-right: 2px solid #1d4f91; min-width: 1px; }
.cursor { position: absolute; top: 4px; height: 26px; width: 3px; margin-left: -1px; background: #b42318; pointer-events: none; }
.hover { position: absolute; bottom: 36px; transform: translateX(-50%); padding: 4px; background: #17212c; color: #fff; border-radius: 4px; font-size: 12px; text-align: center;
  pointer-events: none; z-index: 3; font-variant-numeric: tabular-nums; white-space: nowrap; }
.tile { background-repeat: no-repeat; margin: 0 auto; }
.sound { position: relative; height: 40px; background: #f3f6f9; border-radius: 3px; }
.peaks { width: 100%; height: 40px; display: block; }
.no-sound { position: absolute; inset: 0; display: flex; align-items: center; justify-content: center; font-size: 12px; color: #56626f; }
.length { font-size: 13px; font-variant-numeric: tabular-nums; color: #3c4956; }
.frame { font-size: 13px; color: #3c4956; font-variant-numeric: tabular-nums; margin-left: 6px; }
.frame-now { font-weight: 600; color: #1b2733; }
.frame-now[data-confirmed=false] { font-weight: 400; }
.with-icon { gap: 5px; }
.said { margin: 0; padding: 0 10px; color: #7a3804; font-size: 13px; }
.said:not(:empty) { padding-bottom: 8px; }
.message { margin: 0; padding: 0 10px; color: #a3180c; font-size: 13px; }
.message:not(:empty) { padding-bottom: 8px; }
.overlay { position: absolute; top: 12px; left: 50%; transform: translateX(-50%); width: min(620px, calc(100% - 24px)); box-sizing: border-box; padding: 14px 18px; max-height: calc(100% - 24px); overflow: auto;
  background: #fff; border: 1px solid #8d9aa8; border-radius: 6px; box-shadow: 0 8px 30px rgba(10, 20, 30, .35); z-index: 5; }
.overlay h2 { margin: 0 0 8px; font-size: 16px; }
.key-list { display: grid; grid-template-columns: max-content 1fr max-content 1fr; gap: 5px 12px; margin: 0 0 10px; font-size: 13px; }
.key-list dt { font-family: ui-monospace, Consolas, monospace; background: #eef2f6; border: 1px solid #cfd8e1; border-radius: 3px; padding: 0 6px; align-self: start; white-space: nowrap; }
.key-list dd { margin: 0; }
.keys-on { margin-right: 14px; }
`
