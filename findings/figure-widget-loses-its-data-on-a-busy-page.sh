#!/bin/sh
# A notebook whose page is busy: the script of an earlier output takes it for 2.5 s at a time, at most twenty times.
# A FigureWidget of twenty bars comes up as empty axes, and stays so however long one waits. plotly opens its widget empty and
# sends the bars after it. anywidget waits two seconds for a widget's script, and from then on throws away every message to
# the widget, though the script comes and the widget is drawn.
# Expected: its twenty bars, as a go.Figure of the same bars has in the same notebook on the same page.
# Needs a Chromium. Exits 0 while that is so, 1 when a release behaves otherwise.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check plotly==7.1.0 anywidget==0.11.0 ipywidgets==8.1.9 \
  jupyterlab==4.6.6 ipykernel playwright==1.65.2
"$folder/venv/bin/python" - "$folder" <<'PY'
import json, os, pathlib, shutil, socket, subprocess, sys, time, urllib.request
from importlib.metadata import version
from playwright.sync_api import sync_playwright

folder = pathlib.Path(sys.argv[1])
bars = "go.Bar(y=list(range(1, 21)))"
busy = """
let turns = 0;
const busy = () => {
  const until = performance.now() + 2500;
  while (performance.now() < until);
  if (++turns < 20 && !document.querySelector('.js-plotly-plot .main-svg')) setTimeout(busy, 100);
};
busy();
"""
cells = [
    f"import plotly.graph_objects as go\nfrom IPython.display import Javascript\ngo.FigureWidget\nJavascript({busy!r})",
    f"go.FigureWidget({bars})",
    f"go.Figure({bars})",
]
notebook = {
    "nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    "cells": [
        {"cell_type": "code", "id": f"c{n}", "metadata": {}, "outputs": [], "execution_count": None, "source": source}
        for n, source in enumerate(cells)
    ],
}
files = folder / "files"
files.mkdir()
(files / "bare.ipynb").write_text(json.dumps(notebook))
with socket.socket() as probe:
    probe.bind(("127.0.0.1", 0))
    port = probe.getsockname()[1]
own = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "JUPYTERLAB_SETTINGS_DIR",
       "JUPYTERLAB_WORKSPACES_DIR")
lab = subprocess.Popen(
    [sys.executable, "-m", "jupyter", "lab", "--no-browser", "--allow-root", "--LabApp.expose_app_in_browser=True",
     f"--ServerApp.port={port}", "--IdentityProvider.token=t", f"--ServerApp.root_dir={files}"],
    env=os.environ | {name: str(folder / name) for name in own}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
)
counts = "() => [...document.querySelectorAll('.js-plotly-plot')].map((one) => one.querySelectorAll('.point').length)"
try:
    while True:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{port}/api", timeout=2)
            break
        except OSError:
            time.sleep(0.2)
    with sync_playwright() as playwright:
        found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        browser = playwright.chromium.launch(executable_path=found, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1200, "height": 2400})
        page.set_default_timeout(600_000)
        page.goto(f"http://127.0.0.1:{port}/lab/tree/bare.ipynb?token=t")
        page.wait_for_selector(".jp-Cell")
        page.wait_for_function("/\\| Idle/.test(document.querySelector('#jp-main-statusbar')?.textContent || '')")
        page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")
        page.wait_for_function(f"({counts})().length === 2 && ({counts})().at(-1) > 0")
        page.wait_for_timeout(10_000)  # nothing is going to come
        seen = page.evaluate(counts)
        browser.close()
finally:
    lab.terminate()
    lab.wait()
print(*(f"{name} {version(name)}" for name in ("plotly", "anywidget", "ipywidgets", "jupyterlab")), sep=", ")
print("bars in the FigureWidget:", seen[0])
print("bars in the Figure:      ", seen[1])
sys.exit(0 if seen == [0, 20] else 1)
PY
