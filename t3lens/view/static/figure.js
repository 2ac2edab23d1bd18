// plotly's own widget script, five megabytes of it, is sent to a page once and not with every figure. A page that is
// opened or reloaded has that much less to read, and a figure's widget is there before the page is tired of waiting.

function scripts() {
  return (globalThis[Symbol.for("t3lens.scripts")] ??= new Map());
}

async function load(model, id, signal) {
  let held = null;
  while (!held && !signal.aborted) {
    held = await model.widget_manager.get_model(id).catch(() => null); // gives up after two seconds
  }
  if (!held) return null;
  const url = URL.createObjectURL(new Blob([held.get("text")], { type: "text/javascript" }));
  return import(url).finally(() => URL.revokeObjectURL(url));
}

async function library(model, signal) {
  const id = model.get("library");
  const known = scripts();
  if (!known.has(id)) known.set(id, load(model, id, signal));
  const coming = known.get(id);
  const found = await coming;
  if (found || signal.aborted) return found;
  if (known.get(id) === coming) known.delete(id); // the figure that began to load it has been closed meanwhile
  return library(model, signal);
}

export default () => {
  let drawing = null;
  return {
    initialize({ model, signal }) {
      drawing = library(model, signal).then(async (found) => {
        const made = typeof found?.default === "function" ? await found.default() : found?.default;
        await made?.initialize?.({ model });
        return made;
      });
      drawing.catch(() => {}); // said where it is shown
    },
    async render(context) {
      const words = document.createElement("p");
      words.textContent = "Drawing the figure…";
      context.el.append(words);
      try {
        const made = await drawing;
        words.remove();
        return made?.render(context);
      } catch (problem) {
        words.textContent = `The figure could not be drawn: ${problem.message}`;
        throw problem;
      }
    },
  };
};
