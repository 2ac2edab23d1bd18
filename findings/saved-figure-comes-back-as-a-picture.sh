#!/bin/sh
# A plain plotly figure is drawn in JupyterLab, and the notebook is saved. Its output holds the figure's data, and besides a
# PNG that nobody asked for: plotly's renderer takes it of what it has drawn and puts it into the output. When the notebook
# is opened again, the cell shows that PNG and no figure: no bar is in the page, nothing to point at or to zoom. A test that
# waits for the figure's marks waits for ever, and a figure of 20 bars has the larger part of its bytes in the picture.
# Expected: the output as the kernel sent it, and the figure drawn from its data, as when the cell was run.
# Needs a Chromium. Exits 0 while that is so, 1 when a release behaves otherwise.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check plotly==7.1.0 anywidget==0.11.0 ipywidgets==8.1.9 \
  jupyterlab==4.6.6 ipykernel==7.4.0 playwright==1.65.2
"$folder/venv/bin/python" - "$folder" <<'PY'
import json, os, pathlib, shutil, socket, subprocess, sys, time, urllib.request
from importlib.metadata import version
from playwright.sync_api import sync_playwright

folder = pathlib.Path(sys.argv[1])
cell = "import plotly.graph_objects as go\ngo.Figure(go.Bar(y=list(range(1, 21))))"
notebook = {
    "nbformat": 4, "nbformat_minor": 5, "metadata": {"kernelspec": {"name": "python3", "display_name": "Python 3"}},
    "cells": [{"cell_type": "code", "id": "c0", "metadata": {}, "outputs": [], "execution_count": None, "source": cell}],
}
files = folder / "files"
files.mkdir()
path = files / "bars.ipynb"
path.write_text(json.dumps(notebook))
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
bars = "document.querySelectorAll('.jp-OutputArea .point').length"
pictures = "document.querySelectorAll('.jp-OutputArea img').length"
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
        page = browser.new_page()
        page.set_default_timeout(300_000)
        page.goto(f"http://127.0.0.1:{port}/lab/tree/bars.ipynb?token=t")
        page.wait_for_selector(".jp-Cell")
        page.wait_for_function("/\\| Idle/.test(document.querySelector('#jp-main-statusbar')?.textContent || '')")
        page.evaluate("jupyterapp.commands.execute('notebook:run-all-cells')")
        page.wait_for_function(f"{bars} === 20")
        page.wait_for_timeout(3_000)
        while not (outputs := json.loads(path.read_text())["cells"][0]["outputs"]):
            page.evaluate("jupyterapp.commands.execute('docmanager:save')")
            page.wait_for_timeout(500)
        saved = {kind: len(json.dumps(data)) for kind, data in outputs[0]["data"].items()}
        first = (20, page.evaluate(pictures))
        page.reload()
        page.wait_for_function(f"{bars} || {pictures}")
        page.wait_for_timeout(10_000)  # nothing else is going to come
        again = (page.evaluate(bars), page.evaluate(pictures))
        browser.close()
finally:
    lab.terminate()
    lab.wait()
print(*(f"{name} {version(name)}" for name in ("plotly", "jupyterlab")), sep=", ")
print("saved, bytes of each kind:", saved)
print("bars and pictures when the cell was run:", first)
print("bars and pictures when the notebook was opened again:", again)
sys.exit(0 if "image/png" in saved and again == (0, 1) else 1)
PY
