"""What pages and widgets share: the style sheet with the palette in it, and the packaged scripts."""

from __future__ import annotations

from functools import cache
from importlib import resources

from t3lens.view.page import theme

__all__ = [
    "explorer_script",
    "figure_script",
    "light_figures",
    "plain_figure_script",
    "record_script",
    "script",
    "sheet_of_panes",
    "style_sheet",
    "timeline_script",
]


def script(name: str) -> str:
    """The text of a packaged script."""
    return resources.files("t3lens.view").joinpath("static", name).read_text("utf-8")


@cache
def style_sheet() -> str:
    """The style sheet of everything t3lens shows as HTML; follows the page's theme by itself."""
    return f"{sheet_of_panes()}\n{light_figures()}"


@cache
def sheet_of_panes() -> str:
    """The same without what is for figures that are not of t3lens' own HTML."""
    light, dark = theme.css_variables(dark=False), theme.css_variables(dark=True)
    return "\n".join(
        (
            f".t3{{{light};color-scheme:light}}",
            'body[data-jp-theme-light="false"] .t3,body.vscode-dark .t3,html[data-theme="dark"] .t3'
            f"{{{dark};color-scheme:dark}}",
            "@media (prefers-color-scheme:dark){"
            "html:not([data-theme]) body:not([data-jp-theme-light]):not(.vscode-light) .t3"
            f"{{{dark};color-scheme:dark}}}}",
            script("t3lens.css"),
            # Paper is light, whatever the screen is: told so strongly that it wins over the screen's theme.
            f"@media print{{html body .t3.t3.t3.t3.t3{{{light};color-scheme:light}}}}",
        )
    )


@cache
def light_figures() -> str:
    """The rule by which a plotly figure of a dark page is light on paper: its lightness turned, its hues kept.

    Nothing but a style sheet reaches a plain one.
    """
    red, green, blue = bytes.fromhex(theme.CHROME["paper"].dark[1:])
    dark = f'.main-svg[style*="rgb({red}, {green}, {blue})"]'
    return (
        f"@media print{{.js-plotly-plot:has({dark}) .svg-container"
        "{filter:invert(1) hue-rotate(180deg) brightness(1.13)}"
        ".js-plotly-plot .modebar,.js-plotly-plot .updatemenu-container{display:none}}"
    )


@cache
def plain_figure_script() -> str:
    """What has the plain figures of a notebook follow its page's theme; told an output's id, it looks after that one's."""
    body = "\n".join((script("theme.js"), script("plain.js")))
    return f"if (!globalThis.t3lensFollow) globalThis.t3lensFollow = (() => {{\n{body}\nreturn followTheme;\n}})();"


def explorer_script() -> str:
    """The explorer's script: its parts in order, as one module."""
    folder = resources.files("t3lens.view").joinpath("static", "explorer")
    parts = sorted(entry.name for entry in folder.iterdir() if entry.name.endswith(".js"))
    return "\n".join(
        (script("kernel.js"), script("tools.js"), script("timeline.js"), *(script(f"explorer/{n}") for n in parts))
    )


@cache
def timeline_script() -> str:
    """What makes the timelines of a page that stands alone move."""
    return "\n".join((script("tools.js"), script("timeline.js"), script("alone.js")))


def figure_script() -> str:
    """The script of a live figure, which takes plotly's from a ``ScriptWidget``."""
    return script("figure.js")


def record_script() -> str:
    """The record pane's script as one module."""
    return "\n".join((script("kernel.js"), script("tools.js"), script("theme.js"), script("record.js")))
