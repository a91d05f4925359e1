"""How the app looks: theme and style sheet.

Fetches nothing: system fonts, and the icon is in the page.
"""

from __future__ import annotations

import gradio as gr

HEAD = """<link rel="icon" type="image/svg+xml" href="data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg'
 viewBox='0 0 16 16'%3E%3Crect x='2' y='1' width='12' height='14' rx='2' fill='%2329251f'/%3E%3Crect x='4' y='7'
 width='8' height='3' rx='1' fill='%23ff5000'/%3E%3C/svg%3E">"""

SANS = (
    "ui-sans-serif",
    "system-ui",
    "-apple-system",
    "Segoe UI",
    "Roboto",
    "Noto Sans",
    "Liberation Sans",
    "sans-serif",
)
MONO = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "Liberation Mono", "monospace")


def theme() -> gr.themes.Base:
    """Return a calm theme: paper, ink, and one warm colour for what is lit up."""
    return gr.themes.Base(
        primary_hue="orange",
        secondary_hue="orange",
        neutral_hue="stone",
        radius_size="lg",
        font=SANS,
        font_mono=MONO,
    ).set(
        body_background_fill="*neutral_50",
        body_background_fill_dark="*neutral_950",
        body_text_color_subdued="*neutral_500",
        body_text_color_subdued_dark="*neutral_400",
        block_background_fill="white",
        block_background_fill_dark="*neutral_900",
        block_border_width="1px",
        block_border_color="*neutral_200",
        block_border_color_dark="*neutral_800",
        block_shadow="none",
        input_background_fill="white",
        input_background_fill_dark="*neutral_900",
        input_border_color="*neutral_300",
        input_border_color_dark="*neutral_700",
        button_primary_background_fill="*neutral_900",
        button_primary_background_fill_hover="*neutral_700",
        button_primary_text_color="white",
        button_primary_background_fill_dark="*primary_600",
        button_primary_background_fill_hover_dark="*primary_500",
        button_cancel_background_fill="#b91c1c",
        button_cancel_background_fill_hover="#dc2626",
        button_cancel_background_fill_dark="#b91c1c",
        button_cancel_background_fill_hover_dark="#dc2626",
        button_cancel_text_color="white",
        button_cancel_text_color_dark="white",
    )


CSS = """
.gradio-container { --lit: #ff5000; --ink: var(--body-text-color); --faint: var(--body-text-color-subdued);
  --line: var(--border-color-primary); --card: var(--block-background-fill); --glow: rgb(255 80 0 / .14); }
.main.fillable { max-width: 1440px !important; margin: 0 auto;
  padding: 14px clamp(12px, 2.4vw, 28px) 60px !important; }
footer { display: none !important; }
.gradio-container button:focus-visible, .gradio-container input:focus-visible { outline: 2px solid var(--lit);
  outline-offset: 1px; }

.gradio-container .html-container { padding: 0 !important; }
.block:has(> .wrap.hide):has(> .html-container > div:empty) { display: none; }
.tabitem > .column, .results .column { gap: 12px; }

/* head */
.brand { display: flex; align-items: center; gap: 10px; color: var(--ink); padding: 0; }
.brand strong { font-size: 20px; letter-spacing: -.02em; }
.brand .claim { color: var(--faint); font-size: 14px; margin-left: 6px; }
.brand .holds { margin-left: auto; color: var(--faint); font-size: 13px; white-space: nowrap;
  font-variant-numeric: tabular-nums; }
.glyph { width: 20px; height: 25px; border: 2px solid currentColor; border-radius: 4px; position: relative;
  flex: none; }
.glyph::after { content: ''; position: absolute; left: 3px; right: 3px; top: 9px; height: 5px; border-radius: 2px;
  background: var(--lit); box-shadow: 0 0 8px var(--lit); }

/* ask */
.ask { flex-wrap: nowrap !important; gap: 8px !important; align-items: stretch; }
#query textarea, #query input, #asked textarea, #asked input { font-size: 17px; padding: 14px 18px;
  border-radius: 12px; }
#query, #asked { padding: 0; }
#go, #send { border-radius: 12px; min-height: 52px; }
.options { position: relative; z-index: 10; border: 0 !important;
  background: transparent !important; padding: 0 !important; }
.options > .label-wrap { color: var(--faint); padding: 4px 2px; width: auto; min-height: 30px; gap: 8px; }
#notice { min-height: 22px; }
.notice { margin: 0; font-size: 14px; color: var(--faint); }
.notice.problem { color: var(--ink); border-left: 3px solid var(--lit); padding: 8px 12px; background: var(--glow);
  border-radius: 4px; }

/* before the first search */
.welcome { padding: 28px 0; color: var(--ink); }
.welcome h2 { font-size: 26px; font-weight: 600; letter-spacing: -.02em; margin: 0 0 6px; }
.welcome p { color: var(--faint); max-width: 56ch; margin: 0 0 16px; }
.ideas { display: flex; flex-wrap: wrap; gap: 8px; padding: 0 !important; margin: 0; list-style: none !important;
  max-width: 1100px; }
.ideas li { margin: 0; }
.ideas button { border: 1px solid var(--line); background: var(--card); color: var(--ink); border-radius: 999px;
  padding: 9px 16px;
  font-size: 14px; text-align: left; min-height: 40px; cursor: pointer; }
.ideas button:hover { border-color: var(--lit); }
button.primary[data-event] { background: var(--button-primary-background-fill);
  color: var(--button-primary-text-color);
  border-radius: 10px; padding: 10px 18px; font-weight: 600; min-height: 44px; cursor: pointer; }

/* hits */
.hits { list-style: none !important; margin: 0; padding: 2px !important; display: flex; flex-direction: column;
  gap: 8px; }
.hits li { margin: 0; }
.card { font-weight: 400; display: flex; gap: 12px; width: 100%; padding: 10px; text-align: left;
  background: var(--card); color: var(--ink);
  border: 1px solid var(--line); border-radius: 12px; cursor: pointer; }
.card:hover { border-color: var(--faint); }
.card[aria-current] { border-color: var(--lit); box-shadow: 0 0 0 3px var(--glow); }
.card img, .card .sheet { width: 84px; max-height: 116px; object-fit: cover; object-position: top;
  border-radius: 6px; flex: none;
  align-self: flex-start; box-shadow: 0 0 0 1px var(--line); margin: 0; background: #fff; }
.card .sheet { height: 100px; display: grid; place-items: center; font-size: 26px; color: #a8a29e; }
.card .about { display: flex; flex-direction: column; gap: 3px; min-width: 0; }
.card .title { font-weight: 600; font-size: 14px; overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.card .title b { color: var(--lit); margin-right: 4px; }
.card .where { color: var(--faint); font-size: 12.5px; font-variant-numeric: tabular-nums; }
.card .snippet { font-size: 13px; line-height: 1.45; color: var(--faint); display: -webkit-box; -webkit-line-clamp: 3;
  -webkit-box-orient: vertical; overflow: hidden; overflow-wrap: anywhere; }

/* the open page */
.caption h2 { font-size: 18px; font-weight: 600; margin: 0 0 6px; letter-spacing: -.01em; overflow-wrap: anywhere;
  color: var(--ink); }
.caption p { display: flex; flex-wrap: wrap; gap: 6px; margin: 0; align-items: center; }
.caption .page { font-weight: 600; margin-right: 6px; color: var(--ink); }
.score { font-size: 12.5px; color: var(--faint); border: 1px solid var(--line); border-radius: 999px;
  padding: 2px 10px; cursor: help;
  font-variant-numeric: tabular-nums; }
.score b { color: var(--ink); font-weight: 600; }
.why { gap: 8px 20px !important; }
.why > #view { flex: none; width: auto; min-width: 0 !important; }
.why > #words { flex: 1 1 280px; min-width: 0 !important; }
.switch .wrap, .chips .wrap { gap: 6px; }
.switch label, .chips label { border-radius: 999px; padding: 6px 12px; min-height: 34px; font-size: 13.5px;
  box-shadow: none; }
.switch label input, .chips label input { position: absolute; opacity: 0; }
.switch label span, .chips label span { margin: 0; }
.switch label.selected { background: var(--ink); border-color: var(--ink); color: var(--body-background-fill); }
.chips label.selected { background: #d44000; border-color: #d44000; color: #fff; }
.chips .wrap { max-height: 132px; overflow-y: auto; }
#page { border: 1px solid var(--line); border-radius: 12px; overflow: hidden; background: #fff; }
#page img { width: 100%; height: auto; max-height: none; object-fit: contain; }
.passage { white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.65; font-size: 16px; padding: 22px 26px;
  color: var(--ink);
  background: var(--card); border: 1px solid var(--line); border-radius: 12px; }
mark { background: rgb(255 80 0 / .28); color: inherit; border-radius: 3px; padding: 0 2px;
  box-shadow: 0 1px 0 var(--lit); }

/* judging */
.hits li { position: relative; }
.hits li:has(.rate) .card { padding-bottom: 40px; }
.rate { position: absolute; right: 8px; bottom: 8px; display: flex; gap: 4px; }
.rate button { width: 34px; height: 34px; display: grid; place-items: center; border-radius: 9px; cursor: pointer;
  color: var(--faint); border: 1px solid transparent; background: transparent; }
.rate button:hover { color: var(--ink); border-color: var(--line); background: var(--body-background-fill); }
.rate svg { width: 17px; height: 17px; fill: none; stroke: currentColor; stroke-width: 1.7; stroke-linejoin: round; }
.rate button[data-grade="0"] svg { transform: rotate(180deg); }
.rate button[aria-pressed=true] { color: #fff; background: #15803d; border-color: #15803d; }
.rate button[data-grade="0"][aria-pressed=true] { background: #b91c1c; border-color: #b91c1c; }
.tally { display: flex; align-items: center; gap: 12px; color: var(--faint); font-size: 14px; flex-wrap: wrap; }
.tally b { color: var(--ink); font-variant-numeric: tabular-nums; }
.tally .bar { flex: 0 1 220px; height: 6px; border-radius: 99px; background: var(--line); overflow: hidden; }
.tally .bar i { display: block; height: 100%; background: var(--lit); border-radius: 99px; }
.draft { border: 1px solid var(--line); border-radius: 12px; background: var(--card); padding: 18px 20px; }
.draft h2 { margin: 0 0 8px; font-size: 20px; line-height: 1.35; font-weight: 600; letter-spacing: -.01em;
  color: var(--ink); overflow-wrap: anywhere; }
.draft p { margin: 0; font-size: 13px; color: var(--faint); overflow-wrap: anywhere; }
.verdict { gap: 8px !important; }
.verdict button { min-height: 48px; }
#judged-page, #cited-page { border: 1px solid var(--line); border-radius: 12px; overflow: hidden; background: #fff; }
#judged-page img, #cited-page img { width: 100%; height: auto; max-height: none; object-fit: contain; }

#edited textarea { font-size: 17px; line-height: 1.4; border-radius: 12px; padding: 12px 16px; }

/* answers */
.answer { border: 1px solid var(--line); border-radius: 12px; background: var(--card); padding: 16px 20px;
  margin: 0 0 12px; color: var(--ink); }
.answer p { margin: 0; white-space: pre-wrap; overflow-wrap: anywhere; line-height: 1.6; font-size: 16px; }
.answer .notice { font-size: 13.5px; line-height: 1.45; margin-top: 10px; white-space: normal; }
.cite { min-width: 24px; height: 24px; padding: 0 6px; margin: 0 1px; border-radius: 7px; font-size: 13px;
  font-weight: 600; cursor: pointer; vertical-align: 1px; color: var(--ink); background: var(--glow);
  border: 1px solid transparent; font-variant-numeric: tabular-nums; }
.cite:hover, .cite[aria-current] { border-color: var(--lit); }
.hits.sent { margin-top: 8px; }
.unsent { margin: 0 2px; color: #b91c1c; border-bottom: 1px dashed; cursor: help; font-size: 14px; }
.dark .unsent { color: #f87171; }

/* documents */
#report:has(> .wrap:not(.hide)) { min-height: 96px; border: 1px solid var(--line); border-radius: 12px;
  background: var(--card); }
#report .wrap, #report .progress-text, #report .meta-text { font-family: inherit; font-size: 13.5px;
  font-variant-numeric: tabular-nums; }
#report .progress-bar-wrap { border: 0; border-radius: 99px; height: 6px; background: var(--line); overflow: hidden; }
#report .progress-bar { background: var(--lit); border-radius: 99px; height: 100%; }
.report { border: 1px solid var(--line); border-radius: 12px; background: var(--card); padding: 16px 20px;
  color: var(--ink); }
.report header { display: flex; flex-wrap: wrap; gap: 12px; align-items: center; justify-content: space-between; }
.report h3 { margin: 0; font-size: 16px; font-weight: 600; }
.report ul { margin: 12px 0 0; padding: 0 !important; list-style: none !important; max-height: 320px;
  overflow-y: auto; }
.report li { font-size: 14px; padding: 5px 0; margin: 0; color: var(--faint); border-top: 1px solid var(--line);
  overflow-wrap: anywhere; }
.report li b { display: inline-block; min-width: 72px; color: #15803d; }
.report li.refused b { color: #dc2626; }
.dark .report li.added b { color: #4ade80; }
.dark .report li.refused b { color: #f87171; }
.report li.skipped b { color: var(--faint); }
.report li span { color: var(--ink); }
.manage { position: sticky; top: 0; z-index: 5; background: var(--body-background-fill); padding: 6px 0;
  align-items: center; }
.manage .notice { padding: 10px 12px; }
.manage button { min-height: 44px; white-space: nowrap; }
table.documents { width: 100%; border: 0 !important; border-collapse: collapse; font-size: 14px; color: var(--ink); }
table.documents th { text-align: left; font-weight: 500; color: var(--faint); font-size: 12.5px; }
table.documents th, table.documents td { padding: 10px 8px; border: 0 !important;
  border-bottom: 1px solid var(--line) !important; font-variant-numeric: tabular-nums; }
table.documents td.name { font-weight: 500; overflow-wrap: anywhere; }
table.documents input { appearance: auto; width: 18px; height: 18px; accent-color: var(--lit); cursor: pointer; }

@media (min-width: 721px) {
  .results > .column:first-child { position: sticky; top: 12px; align-self: flex-start;
    max-height: calc(100vh - 24px);
    overflow-y: auto; }
}
@media (max-width: 720px) {
  .brand .claim { display: none; }
  #go, #send { min-width: 84px !important; }
  #query textarea, #query input, #asked textarea, #asked input { padding: 14px 12px; }
  .hits { flex-direction: row; overflow-x: auto; scroll-snap-type: x mandatory; padding-bottom: 8px !important; }
  .hits li { flex: 0 0 86%; min-width: 0; scroll-snap-align: start; display: flex; }
  .card { min-width: 0; }
  .rate button { width: 42px; height: 42px; }
  .hits li:has(.rate) .card { padding-bottom: 48px; }
  .switch label, .chips label { min-height: 40px; }
  .chips .wrap { flex-wrap: nowrap; overflow-x: auto; padding-bottom: 4px; }
  .chips label { flex: none; }
  .manage { flex-wrap: wrap !important; }
  .manage > .block { flex: 1 0 100% !important; }
  .manage > button { flex: 1 1 auto !important; }
  .passage { padding: 16px; }
  table.documents thead { display: none; }
  table.documents tr { display: grid; grid-template-columns: 44px 1fr auto; align-items: center;
    border-bottom: 1px solid var(--line) !important; padding: 8px 0; }
  table.documents td { border: 0 !important; padding: 4px 8px; }
  table.documents td[data-label]::after { content: ' ' attr(data-label); color: var(--faint); font-size: 12.5px; }
  table.documents td:nth-child(n+4) { display: none; }
}
"""
