// Whether a page is dark: JupyterLab and VS Code say so at its body, elsewhere the reader's system does.

const SYSTEM = window.matchMedia("(prefers-color-scheme: dark)");

function isDark() {
  const flag = document.body.dataset.jpThemeLight;
  if (flag !== undefined) return flag === "false";
  if (document.body.classList.contains("vscode-dark")) return true;
  if (document.body.classList.contains("vscode-light")) return false;
  return SYSTEM.matches;
}

// Calls `told` each time the page has become light or dark; what is returned ends that.
function onTheme(told) {
  let was = isDark();
  const look = () => {
    if (was === isDark()) return;
    was = isDark();
    told();
  };
  const watcher = new MutationObserver(look);
  watcher.observe(document.body, { attributes: true, attributeFilter: ["data-jp-theme-light", "class"] });
  SYSTEM.addEventListener("change", look);
  return () => {
    watcher.disconnect();
    SYSTEM.removeEventListener("change", look);
  };
}
