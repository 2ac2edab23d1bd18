"""A page with one widget in it and the real Python object behind it, without a notebook in between."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.browser import launch

PATIENCE_MS = 120_000
"""How long a page may take for anything: other work may have all of the machine's cores."""

ARTEFACTS = Path(__file__).parents[2] / "artefacts" / "view"

_PAGE = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>widget</title><style>{style}
body{{margin:8px;background:{ground}}}</style></head>
<body data-jp-theme-light="{light}"><main id="host"></main><script type="module">
{script}
const ears = {{}};
const traits = {traits};
const model = {{
  get: (name) => traits[name],
  on: (name, fn) => {{ (ears[name] ||= []).push(fn); }},
  off: (name, fn) => {{ ears[name] = (ears[name] || []).filter((one) => one !== fn); }},
  send: (message) => window.toKernel(JSON.stringify(message)).then((sent) => {{
    window.sent = (window.sent || 0) + 1;
    for (const one of JSON.parse(sent)) window.hear(one);
  }}),
}};
window.hear = (message) => {{ for (const fn of ears["msg:custom"] || []) fn(message); }};
window.end = render({{ model, el: document.getElementById("host") }});
</script></body></html>"""


def browser_page(playwright: Any, **options: Any) -> Any:
    browser = launch(playwright)
    page = browser.new_page(**options)
    page.set_default_timeout(PATIENCE_MS)
    page.problems = []
    page.on("pageerror", lambda error: page.problems.append(str(error)))
    page.on("console", lambda m: page.problems.append(m.text) if m.type == "error" else None)
    return page


def show_widget(page: Any, widget: Any, tmp_path: Path, *, dark: bool = False) -> None:
    """Open ``widget``'s own script and style in ``page``, its messages answered by ``widget``.

    While ``page.kernel_is_dead`` nothing is answered.
    """
    page.kernel_is_dead = getattr(page, "kernel_is_dead", False)
    sent: list[dict[str, Any]] = []
    widget.send = lambda message, buffers=None: sent.append(json.loads(json.dumps(message)))

    def to_kernel(text: str) -> str:
        if page.kernel_is_dead:
            return "[]"
        widget._handle_custom_msg(json.loads(text), [])
        answer = json.dumps(sent)
        sent.clear()
        return answer

    page.expose_function("toKernel", to_kernel)
    traits = {name: getattr(widget, name) for name in ("signs", "traces", "zero") if hasattr(widget, name)}
    script = widget._esm
    text = _PAGE.format(
        style=str(widget._css), script=str(script).replace("export default { render };", ""),
        traits=json.dumps(traits), light="false" if dark else "true", ground="#111" if dark else "#fff",
    )  # fmt: skip
    target = tmp_path / "widget.html"
    target.write_text(text, "utf-8")
    page.goto(target.as_uri())


@contextmanager
def opened(playwright: Any, **options: Any) -> Iterator[Any]:
    page = browser_page(playwright, **options)
    try:
        yield page
    finally:
        page.context.browser.close()
