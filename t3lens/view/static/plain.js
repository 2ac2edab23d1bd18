// A plain figure has a button for either theme and nothing else behind it: this presses the one that the page needs, when the
// figure has been drawn and whenever the page is switched. plotly does the rest, and knows nothing of pages.
const LOOKS = 600; // five a second: a busy page draws its figures late

function press(plot) {
  const wanted = isDark() ? "dark" : "light";
  const buttons = (plot.layout?.updatemenus ?? []).flatMap((menu) => menu.buttons ?? []);
  const button = buttons.find((one) => one.name === `t3lens-${wanted}`);
  if (!button || button.args[1].paper_bgcolor === plot.layout.paper_bgcolor) return;
  const drawn = [...plot.querySelectorAll(".updatemenu-button")].find((one) => one.textContent.trim() === button.label);
  drawn?.dispatchEvent(new MouseEvent("click", { bubbles: true }));
}

const drawn = (within) => [...within.querySelectorAll(".js-plotly-plot")].filter((plot) => plot.querySelector(".updatemenu-button"));

onTheme(() => drawn(document).forEach(press));

// Looks for the figures of the output in which something has this id.
function followTheme(id) {
  let looks = 0;
  const look = () => {
    const place = document.getElementById(id);
    const found = place ? drawn(place.closest(".jp-OutputArea, .output") ?? document) : [];
    found.forEach(press);
    if (!found.length && (looks += 1) < LOOKS) setTimeout(look, 200);
  };
  look();
}
