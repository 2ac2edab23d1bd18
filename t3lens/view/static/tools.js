// Small tools the panes share. Text from a home only ever enters the page through textContent.

const SVG = "http://www.w3.org/2000/svg";

function el(tag, attributes, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else made.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children) if (child !== null && child !== undefined) made.append(child);
  return made;
}

function shape(tag, attributes) {
  const made = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  return made;
}

// How times are told, everywhere on a page: in UTC, in the reader's own time, or counted from where history forked.
const zone = { kind: "utc", zero: null };

function pad(number, digits) { return String(number).padStart(digits, "0"); }

function parts(micros) {
  const when = new Date(micros / 1000);
  if (zone.kind !== "local") {
    const text = when.toISOString();
    return [text.slice(0, 10), text.slice(11, 23)];
  }
  return [`${when.getFullYear()}-${pad(when.getMonth() + 1, 2)}-${pad(when.getDate(), 2)}`,
    `${pad(when.getHours(), 2)}:${pad(when.getMinutes(), 2)}:${pad(when.getSeconds(), 2)}.${pad(when.getMilliseconds(), 3)}`];
}

// What a time is told in; a local one goes by the clock of its own day, which may be another hour than today's.
function zoneName(micros) {
  if (zone.kind === "fork" && zone.zero !== null) return "since the fork";
  if (zone.kind !== "local") return "UTC";
  const off = -new Date(micros / 1000).getTimezoneOffset();
  return `UTC${off < 0 ? "−" : "+"}${pad(Math.floor(Math.abs(off) / 60), 2)}:${pad(Math.abs(off) % 60, 2)}`;
}

function since(micros) {
  const by = micros - zone.zero;
  return by === 0 ? "0 s" : `${by < 0 ? "−" : "+"}${lasted(by)}`;
}

function clock(micros, digits) {
  if (micros === null || micros === undefined) return "";
  if (zone.kind === "fork" && zone.zero !== null) return since(micros);
  return parts(micros)[1].slice(0, digits === 0 ? 8 : 12);
}

// A time with what it is told in: for one that stands alone.
function zoned(micros) { return `${clock(micros)} ${zoneName(micros)}`; }

function stamp(micros) {
  return micros === null || micros === undefined ? "" : `${parts(micros)[0]} ${parts(micros)[1].slice(0, 8)}`;
}

function lasted(micros) {
  const s = Math.abs(micros) / 1e6;
  if (s < 1) return `${Math.round(s * 1000)} ms`;
  if (s < 60) return `${+s.toPrecision(3)} s`;
  const whole = Math.floor(s);
  const two = (a, unit, b, small) => `${a} ${unit}` + (b ? ` ${b} ${small}` : "");
  if (whole < 3600) return two(Math.floor(whole / 60), "min", whole % 60, "s");
  if (whole < 86400) return two(Math.floor(whole / 3600), "h", Math.floor((whole % 3600) / 60), "min");
  return two(Math.floor(whole / 86400), "d", Math.floor((whole % 86400) / 3600), "h");
}

function roleVariable(role) {
  return `var(--t3-${role.replace(":", "-")}, var(--t3-state-unknown))`;
}

function chip(family, name, sign, note) {
  const made = el("span", { class: "t3-chip" }, el("span", { class: "t3-sign", "aria-hidden": "true" }, sign || ""), name);
  made.style.setProperty("--t3-c", roleVariable(`${family}:${name}`));
  if (note !== undefined) made.append(el("b", {}, String(note)));
  return made;
}

function button(label, onclick, attributes) {
  return el("button", { type: "button", class: "t3-button", onclick, ...(attributes || {}) }, label);
}

// What stands in full where a person may want to paste it: an id, a query, a command line.
const ID = /^(?=.*\d)(?=.*[a-z])[\w.:-]{12,}$/i;

async function take(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch { // a page that came over plain http from elsewhere may not: the old way, which asks nobody
    const held = el("textarea", { class: "t3-unseen", readonly: true });
    held.value = text;
    const before = document.activeElement;
    document.body.append(held);
    held.select();
    const done = document.execCommand("copy");
    held.remove();
    before?.focus();
    return done;
  }
}

function copying(text, what, label = "copy") {
  const made = el("button", { type: "button", class: "t3-copy", "aria-label": `Copy ${what}`, title: `Copy ${what}` }, label);
  made.addEventListener("click", async (event) => {
    event.stopPropagation();
    made.textContent = (await take(text)) ? "copied" : "not allowed here";
    setTimeout(() => { made.textContent = label; }, 1500);
  });
  return made;
}

const named = (name, value) => [el("dt", {}, name), el("dd", {}, value, ID.test(value) ? copying(value, name) : "")];
const quoted = (text, what) => el("div", { class: "t3-quoted" }, el("pre", { class: "t3-body", tabindex: "0" }, text), copying(text, what));
