// Charts are drawn when they come near, the others while the reader rests; they follow the choice.
const boxes = [...document.querySelectorAll("[data-chart]")];
const drawings = new Map();
const darkly = matchMedia("(prefers-color-scheme: dark)");
const PAPER_ROOM = 680; // pixels of a page of A4 or Letter between its margins
const SAVED_ROOM = 1000;
const NEAR = 600; // pixels from what is seen
let onPaper = false;
let span = null; // seconds that charts over time show; null: all

// Along the axis of some charts time goes on; of others, what share of a phase is over.
const hasTime = (box) => Boolean(box.dataset.spans) || "aligned" in box.dataset;
const spanOf = (box) => {
  if (box.dataset.spans) return span;
  return "aligned" in box.dataset && chosen.phase ? stretch(parsed(box)) : null;
};

const textOf = (box) => document.getElementById(`${box.dataset.chart}-spec`).textContent;
const parsed = (box) => JSON.parse(textOf(box));

const made = (box, { room, dark, title }) => {
  const spec = parsed(box);
  const faint = faintNames(spec);
  if (!ofPhase(spec)) return null;
  if (!title) delete spec.title;
  if ("aligned" in box.dataset) ofStretch(spec);
  fading(spec);
  keyed(spec, room);
  fitted(spec, room, onPaper, Boolean(box.dataset.spans));
  if (hasTime(box)) clipped(spec);
  const params = (spec.params ?? []).filter(({ name }) => name !== "dark");
  spec.params = [...params, { name: "dark", value: dark }, { name: "faint", value: faint }];
  return spec;
};

const embedded = async (element, spec, box) => {
  const { view } = await vegaEmbed(element, spec, {
    actions: false,
    renderer: "svg",
    hover: false,
    tooltip: (_, event, item, value) => tip(event, value),
    patch: (compiled) => {
      clickable(compiled);
      if (hasTime(box)) zoomable(compiled);
      return compiled;
    },
  });
  const shown = spanOf(box);
  if (shown) await view.signal("span", shown).runAsync();
  return view;
};

const draw = async (box) => {
  const room = onPaper ? PAPER_ROOM : box.closest(".scroll").clientWidth;
  const look = JSON.stringify([room, onPaper, chosen.phase]);
  const before = drawings.get(box);
  if (before?.look === look) return follows(box);
  before?.view?.finalize();
  const drawing = { look, spec: parsed(box), view: null };
  drawings.set(box, drawing);
  try {
    const spec = made(box, { room, dark: darkly.matches && !onPaper, title: false });
    box.replaceChildren();
    if (spec) {
      drawing.view = await embedded(box, spec, box);
      listen(box, drawing.view);
    } else {
      box.textContent = `This figure shows nothing of ${chosen.phase}.`;
    }
    box.dataset.state = "drawn";
    box.style.minHeight = "";
  } catch (error) {
    box.dataset.state = "failed";
    box.textContent = `This chart could not be drawn: ${error.message}`;
    console.error(error);
  }
};

const follows = async (box) => {
  const { view, spec } = drawings.get(box);
  if (!view) return;
  view.signal("faint", faintNames(spec)).signal("dark", darkly.matches && !onPaper);
  if (hasTime(box)) view.signal("span", spanOf(box));
  await view.runAsync();
};

const forget = (box) => {
  if (box.offsetHeight) box.style.minHeight = `${box.offsetHeight}px`;
  drawings.get(box)?.view?.finalize();
  drawings.delete(box);
  box.replaceChildren();
  delete box.dataset.state;
  near.observe(box);
};

const isNear = (box) => {
  const { top, bottom } = box.getBoundingClientRect();
  return box.checkVisibility() && bottom > -NEAR && top < innerHeight + NEAR;
};

// Nobody waits for what is not seen.
const redraw = () => {
  for (const box of [...drawings.keys()]) {
    if (!isNear(box)) forget(box);
  }
  drawTheRest();
  return Promise.all([...drawings.keys()].map(draw));
};
followers.push(() => {
  if (!chosen.phase || lastPhase !== chosen.phase) zoomToPhase();
  lastPhase = chosen.phase;
  return redraw();
});
darkly.addEventListener("change", redraw);

const near = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (isIntersecting) {
        near.unobserve(target);
        draw(target);
      }
    }
  },
  { rootMargin: `${NEAR}px 0px` },
);

const whenIdle = window.requestIdleCallback ?? ((act) => setTimeout(act, 50));
let resting = true;
const drawNext = async () => {
  const box = boxes.find((one) => !drawings.has(one) && one.checkVisibility());
  resting = onPaper || !box;
  if (resting) return;
  near.unobserve(box);
  await draw(box);
  whenIdle(drawNext);
};
const drawTheRest = () => {
  if (!resting) return;
  resting = false;
  whenIdle(drawNext);
};

for (const box of boxes) {
  // About the place that the chart will take, so that little moves when it is drawn.
  if (box.dataset.panels) {
    const [count, height, room] = box.dataset.panels.split(" ").map(Number);
    const beside = Math.max(1, Math.min(4, Math.floor(box.clientWidth / room)));
    box.style.minHeight = `${64 + Math.ceil(count / beside) * (height - 6)}px`;
  }
  near.observe(box);
}
drawTheRest();

let width = document.documentElement.clientWidth;
let waiting = 0;
addEventListener("resize", () => {
  clearTimeout(waiting);
  waiting = setTimeout(() => {
    if (onPaper || width === document.documentElement.clientWidth) return;
    width = document.documentElement.clientWidth;
    redraw();
  }, 150);
});

// ---- saving

const download = (href, name) => {
  const link = document.createElement("a");
  link.href = href;
  link.download = name;
  link.click();
};

const save = async (box, kind) => {
  const spec = made(box, { room: SAVED_ROOM, dark: false, title: true });
  if (!spec) return;
  const view = await embedded(document.createElement("div"), spec, box);
  const name = `${box.dataset.chart}.${kind}`;
  if (kind === "svg") {
    const blob = new Blob([await view.toSVG()], { type: "image/svg+xml" });
    const href = URL.createObjectURL(blob);
    download(href, name);
    setTimeout(() => URL.revokeObjectURL(href), 1000);
  } else {
    download(await view.toImageURL("png", 3), name);
  }
  view.finalize();
  say(`Saved ${name}`);
};

const button = (text, label, act) => {
  const made = document.createElement("button");
  made.type = "button";
  made.textContent = text;
  made.setAttribute("aria-label", label);
  made.addEventListener("click", act);
  return made;
};

for (const box of boxes) {
  const figure = box.closest("figure");
  const number = figure.querySelector("figcaption b").textContent;
  const under = figure.querySelector("[data-under]");
  const group = document.createElement("span");
  group.className = "actions";
  for (const kind of ["svg", "png"]) {
    const label = `Save ${number} as ${kind.toUpperCase()}`;
    group.append(button(`Save ${kind.toUpperCase()}`, label, () => save(box, kind)));
  }
  under.append(group);
}
