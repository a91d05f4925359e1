"""Gather the typefaces that made pages are set in: `python -m training.make_fonts`.

Looks through the system's font folders, turns PostScript outlines (.otf) into TrueType ones, which is all that
reportlab embeds, and writes the copies with a list of faces, `faces.json`, to a cache folder. Run once;
`training/fonts.sh` installs the Debian packages to look through. Knows nothing of pages.
"""

from __future__ import annotations

import argparse
import json
import logging
import re
import string
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

from fontTools.pens.cu2quPen import Cu2QuPen
from fontTools.pens.recordingPen import RecordingPen
from fontTools.pens.ttGlyphPen import TTGlyphPen
from fontTools.ttLib import TTFont, newTable

from training.pages.fonts import CACHE, WANTED

FOLDERS = (Path("/usr/share/fonts"), Path("/usr/share/texmf/fonts"), Path("/usr/local/share/fonts"))
NEEDED = set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789.,:()-/")
KERNED = string.ascii_letters + string.digits + ".,:;-–—'’\"“”()/?!&ÄÖÜäöüßéèàçñóąęłś"
KEPT = ("head", "hhea", "maxp", "OS/2", "name", "cmap", "post", "hmtx", "glyf", "loca")
SKIPPED = re.compile(  # other scripts, signs, capitals in place of small letters
    r"Noto(?!Sans-|Serif-|SansMono|SansDisplay|SerifDisplay)|Symbol|Dingbat|D050000L|Ornament|Initial|Math|math|Emoji"
    r"|[Cc]aps|lmcsc|SC\d|-SC|AllSC|OSF|RomandeADFStyle|Titling|Bebas|Ubuntu-Title|OCRB|Swash|[Dd]unh|lmu|lmroman.?unsl"
    r"|CourierPrime|Courier Prime|DisplayO|Outline|Keyboard|Braille|Color|Variable|VF|\[|lmmi|lmsy|lmex|Biolinum_K"
    r"|LibertineI|[Cc]ursiv|Complutum"
)
WEIGHTS = re.compile(
    r"\b(Thin|Hairline|Extra ?Light|Ultra ?Light|Light|Book|Retina|Medium|Semi ?Bold|Demi ?Bold|Demi|Bold|Extra ?Bold|"
    r"Heavy|Black|Regular|Roman|Italic|Oblique|Std|Pro)\b"
)

log = logging.getLogger(__name__)


def main() -> None:
    """Gather, convert and list the faces."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=CACHE, help="folder for the copies and faces.json")
    parser.add_argument("--workers", type=int, default=2)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    args.out.mkdir(parents=True, exist_ok=True)
    found = sorted({p for folder in FOLDERS for ending in ("ttf", "otf") for p in folder.rglob(f"*.{ending}")})
    chosen = {path.stem: path for path in found if not SKIPPED.search(path.name)}  # one of each name
    with ProcessPoolExecutor(args.workers) as pool:
        faces = [f for f in pool.map(_take, chosen.values(), [args.out] * len(chosen), chunksize=4) if f]
    (args.out / "faces.json").write_text(json.dumps(faces, ensure_ascii=False, indent=0), encoding="utf-8")
    log.info("%d faces of %d families in %s", len(faces), len({f["family"] for f in faces}), args.out)


def _take(path: Path, out: Path) -> dict[str, Any] | None:
    """Copy one face as TrueType; its entry for the list, or None if it is of no use."""
    try:
        font = TTFont(path, lazy=False)
        cmap, glyphs = font.getBestCmap(), font.getGlyphSet()
        kerning = _kerning(font, cmap)
        covered = [c for c in WANTED if ord(c) in cmap and _inked(glyphs, cmap[ord(c)])]
        if not set(covered) >= NEEDED or "fvar" in font or font["OS/2"].usWeightClass < 300:  # hairlines
            return None
        if "glyf" not in font:
            _to_quadratic(font)
        for tag in [t for t in font.keys() if t not in KEPT]:  # noqa: SIM118 - not a dict
            del font[tag]
        font["OS/2"].fsType = 0
        target = out / f"{path.stem}.ttf"
        font.save(target)
        target.with_suffix(".kern.json").write_text(json.dumps(kerning, ensure_ascii=False), encoding="utf-8")
        return {**_style(font), "file": target.name, "chars": "".join(covered)}
    except Exception as error:  # a system's fonts are of every kind; one that fails is left out, and named
        log.warning("%s is left out: %s", path, error)
        return None


def _inked(glyphs: Any, name: str) -> bool:
    pen = RecordingPen()
    glyphs[name].draw(pen)
    return bool(pen.value)


def _kerning(font: TTFont, cmap: dict[int, str]) -> dict[str, float]:
    """The kerning of pairs of letters in ems, from the `kern` feature of GPOS."""
    gpos = font["GPOS"].table if "GPOS" in font else None
    if gpos is None or gpos.LookupList is None:
        return {}
    glyphs = {cmap[ord(c)]: c for c in KERNED if ord(c) in cmap}
    wanted = {i for r in gpos.FeatureList.FeatureRecord if r.FeatureTag == "kern" for i in r.Feature.LookupListIndex}
    pairs: dict[str, float] = {}
    for index in sorted(wanted):
        for subtable in gpos.LookupList.Lookup[index].SubTable:
            table = getattr(subtable, "ExtSubTable", subtable)
            if table.LookupType == 2:
                for pair, value in _pairs(table, glyphs):
                    pairs.setdefault(pair, value)
    return {pair: round(value / font["head"].unitsPerEm, 4) for pair, value in pairs.items() if value}


def _pairs(table: Any, glyphs: dict[str, str]) -> Iterator[tuple[str, int]]:
    covered = [(row, name) for row, name in enumerate(table.Coverage.glyphs) if name in glyphs]
    if table.Format == 1:
        for row, name in covered:
            for record in table.PairSet[row].PairValueRecord:
                if record.SecondGlyph in glyphs and record.Value1:
                    yield glyphs[name] + glyphs[record.SecondGlyph], getattr(record.Value1, "XAdvance", 0)
        return
    first, second = table.ClassDef1.classDefs, table.ClassDef2.classDefs
    for _, name in covered:
        records = table.Class1Record[first.get(name, 0)].Class2Record
        for other, char in glyphs.items():
            value = records[second.get(other, 0)].Value1
            if value:
                yield glyphs[name] + char, getattr(value, "XAdvance", 0)


def _to_quadratic(font: TTFont) -> None:
    """Replace the cubic outlines of `font` by quadratic ones (fontTools' otf2ttf recipe)."""
    glyphs, order = font.getGlyphSet(), font.getGlyphOrder()
    limit = font["head"].unitsPerEm / 1000
    drawn = {}
    for name in order:
        pen = TTGlyphPen(glyphs)
        glyphs[name].draw(Cu2QuPen(pen, limit, reverse_direction=True))
        drawn[name] = pen.glyph()
    font["loca"] = newTable("loca")
    font["glyf"] = glyf = newTable("glyf")
    glyf.glyphOrder, glyf.glyphs = order, drawn
    for name in order:
        drawn[name].recalcBounds(glyf)
        font["hmtx"][name] = (font["hmtx"][name][0], getattr(drawn[name], "xMin", 0))
    maxp = font["maxp"]
    maxp.tableVersion = 0x00010000
    for field in ("maxZones", "maxTwilightPoints", "maxStorage", "maxFunctionDefs", "maxInstructionDefs",
                  "maxStackElements", "maxSizeOfInstructions", "maxComponentElements", "maxPoints", "maxContours",
                  "maxCompositePoints", "maxCompositeContours", "maxComponentDepth"):  # fmt: skip
        setattr(maxp, field, 1 if field == "maxZones" else 0)
    font["post"].formatType, font["post"].extraNames, font["post"].mapping = 2.0, [], {}
    font.sfntVersion = "\x00\x01\x00\x00"


def _style(font: TTFont) -> dict[str, Any]:
    names, os2 = font["name"], font["OS/2"]
    family = names.getDebugName(16) or names.getDebugName(1) or "?"
    style = f"{names.getDebugName(17) or names.getDebugName(2) or ''} {names.getDebugName(4) or ''}"
    weight = os2.usWeightClass
    cmap, widths = font.getBestCmap(), font["hmtx"]
    return {
        "family": re.sub(r"\s+", " ", WEIGHTS.sub("", family)).strip() or family,
        "weight": max(weight, 700) if re.search(r"(?<!emi)(?<!emi )Bold|Black|Heavy", style) else weight,
        "italic": bool(os2.fsSelection & 1 or re.search(r"Ital|Obliq|Slant", style)),
        "mono": widths[cmap[ord("i")]][0] == widths[cmap[ord("M")]][0],
    }


if __name__ == "__main__":
    main()
