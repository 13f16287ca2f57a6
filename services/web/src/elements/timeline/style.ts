/** How the timeline looks: gaps are hatched and overlaps a thick line, never colour alone. */
export const STYLE = `
:host { display: block; color: #1b2733; --lane-label: 150px; }
.timeline { background: #fff; border: 1px solid #cfd8e1; border-radius: 6px; overflow: hidden; }
.tools { display: flex; align-items: center; gap: 6px; padding: 6px 10px; border-bottom: 1px solid #e1e7ee; flex-wrap: wrap; }
.tools .hint { flex: 1; min-width: 200px; font-size: 12px; color: #56626f; }
button { font: inherit; }
.tools button { min-height: 26px; min-width: 28px; padding: 0 8px; border: 1px solid #b9c5d1; border-radius: 4px; background: #fff; color: #1b2733; cursor: pointer; }
.tools button:hover { background: #eef3f9; }
:focus-visible { outline: 2px solid #d98200; outline-offset: 1px; }
.overview { position: relative; height: 16px; margin: 6px 10px 0 calc(var(--lane-label) + 10px); background: #eef2f6; border-radius: 3px; cursor: pointer; }
.overview i { position: absolute; top: 4px; height: 8px; min-width: 2px; background: #6d8fb8; }
.overview b { position: absolute; top: 0; bottom: 0; min-width: 4px; border: 1px solid #1d4f91; background: rgba(29, 79, 145, .12); border-radius: 3px; box-sizing: border-box; }
.axis { position: relative; height: 22px; margin: 4px 10px 0 calc(var(--lane-label) + 10px); font-size: 12px; color: #47535f; font-variant-numeric: tabular-nums; overflow: hidden; }
.axis span { position: absolute; top: 2px; padding-left: 4px; border-left: 1px solid #8d9aa8; white-space: nowrap; line-height: 18px; }
.axis .dated { font-weight: 600; color: #1b2733; }
.lanes { position: relative; padding: 0 10px 8px; }
.lane { display: flex; align-items: stretch; min-height: 44px; border-top: 1px solid #eef1f5; }
.name { width: var(--lane-label); flex: none; padding: 4px 10px 4px 0; box-sizing: border-box; font-size: 13px; line-height: 1.3; display: flex; align-items: center; overflow-wrap: anywhere; }
.track { position: relative; flex: 1; overflow: hidden; }
.span { position: absolute; top: 7px; height: 26px; min-width: 8px; padding: 0 4px; border: 1px solid #173f74; border-radius: 3px; background: #2f6bb3; color: #fff; font-size: 12px;
  text-align: left; overflow: hidden; white-space: nowrap; cursor: pointer; font-variant-numeric: tabular-nums; line-height: 24px; }
.span:hover { background: #1d4f91; }
.gap { position: absolute; top: 11px; height: 18px; min-width: 3px; border: 1px dashed #8f4206; box-sizing: border-box;
  background: repeating-linear-gradient(135deg, #d98a3d 0 3px, #fdf3e6 3px 8px); }
.overlap { position: absolute; top: 35px; height: 4px; min-width: 3px; background: #6b2fa0; }
.pointer { position: absolute; top: 0; bottom: 8px; width: 1px; background: #b42318; pointer-events: none; }
.pointer span { position: absolute; top: 0; left: 4px; background: #17212c; color: #fff; font-size: 12px; padding: 1px 5px; border-radius: 3px; white-space: nowrap; font-variant-numeric: tabular-nums; z-index: 2; }
.pointer.left span { left: auto; right: 4px; }
[hidden] { display: none !important; }
.empty { padding: 18px; color: #56626f; margin: 0; }
`
