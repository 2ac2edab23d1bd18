"""The incident document on paper: whole, light, with its records, as text."""

from __future__ import annotations

import re
import zlib
from pathlib import Path
from typing import Any

import pytest

from t3lens.lens.lens import Lens
from tests.view.harness import opened

pytestmark = pytest.mark.browser

_CUT = """
[...document.querySelectorAll('main *')].filter(one => {
  const box = one.getBoundingClientRect(), style = getComputedStyle(one);
  if (!box.width || !box.height) return false;
  const hides = style.overflowX !== 'visible' || style.overflowY !== 'visible';
  return box.right > innerWidth + 1 || (hides && !one.closest('svg')
    && (one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1));
}).map(one => one.tagName + '.' + one.className)
"""


def test_on_paper_nothing_is_cut_off_and_the_records_are_printed(
    playwright: Any, hostile_lens: Lens, tmp_path: Path
) -> None:
    # The width of A4 between the margins, at 96 dots an inch.
    with opened(playwright, viewport={"width": 703, "height": 1000}) as page:
        page.goto(hostile_lens.report(tmp_path / "incident.html", content=True).as_uri())
        page.emulate_media(media="print")
        cut = page.evaluate(_CUT)
        records = page.evaluate(
            "[...document.querySelectorAll('.r-exhibit pre')].map(r => r.getBoundingClientRect().height)"
        )
        printed = page.pdf(format="A4", prefer_css_page_size=True)
    assert cut == []
    assert records and min(records) > 0
    pages = len(re.findall(rb"/Type\s*/Page\b", printed))
    drawn = [text for text in _streams(printed) if b"BT" in text and b"ET" in text]
    assert 2 <= pages <= len(drawn)
    assert b"/ToUnicode" in printed  # letters that can be searched and copied, no picture of them


def _streams(printed: bytes) -> list[bytes]:
    found = []
    for body in re.findall(rb"stream\r?\n(.*?)\r?\nendstream", printed, re.DOTALL):
        # Not `zlib.decompress`: where the last byte of the checksum is a line break, the pattern took it as its own.
        try:
            found.append(zlib.decompressobj().decompress(body))
        except zlib.error:
            continue
    return found
