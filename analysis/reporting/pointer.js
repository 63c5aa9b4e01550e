// What the pointer meets in a chart: values to hover, names to click, time to brush.
const tipBox = document.querySelector("[data-tip]");

const tip = (event, value) => {
  tipBox.hidden = value === null || value === undefined || value === "";
  if (tipBox.hidden) return;
  const rows = typeof value === "object" ? Object.entries(value) : [["", String(value)]];
  tipBox.replaceChildren(
    ...rows.filter(([, text]) => text !== "" && text !== null && text !== undefined).map(([name, text]) => {
      const row = document.createElement("div");
      const label = document.createElement("span");
      label.textContent = name;
      const shownValue = document.createElement("b");
      shownValue.textContent = String(text);
      row.append(label, shownValue);
      return row;
    }),
  );
  const { offsetWidth, offsetHeight } = tipBox;
  const left = event.clientX + 14 + offsetWidth > innerWidth ? event.clientX - offsetWidth - 14 : event.clientX + 14;
  const top = event.clientY + 14 + offsetHeight > innerHeight ? event.clientY - offsetHeight - 14 : event.clientY + 14;
  tipBox.style.left = `${Math.max(4, left)}px`;
  tipBox.style.top = `${Math.max(4, top)}px`;
};

// The name that an item stands for: a platform or a phase.
const nameOf = (item) => {
  if (item?.datum?.function !== undefined) return null; // a bar of a flame graph: it is zoomed
  for (const text of [item?.datum?.platform, item?.datum?.value, item?.datum?.phase, item?.text]) {
    if (names.platforms.includes(text)) return { platform: text };
    if (names.phases.includes(text)) return { phase: text };
  }
  return null;
};

// The panel of a chart over time that an item lies in, and its left edge in the drawing.
const cellOf = (item) => {
  for (let group = item; group; group = group.mark?.group) {
    if (/(^|_)cell$/.test(group.mark?.name)) {
      let left = 0;
      for (let up = group; up; up = up.mark?.group) left += up.x ?? 0;
      return { group, left, width: group.width };
    }
  }
  return null;
};

const nearest = (times, wanted) => {
  let [low, high] = [0, times.length - 1];
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (times[middle] < wanted) low = middle;
    else high = middle;
  }
  return Math.abs(times[low] - wanted) <= Math.abs(times[high] - wanted) ? low : high;
};

const short = (value) =>
  Number(value).toLocaleString("en", { maximumSignificantDigits: 4, useGrouping: true });

const unitOf = (spec) => {
  let unit = "";
  eachUnit(spec, ({ encoding }) => { unit ||= encoding?.y?.title ?? ""; });
  return unit;
};

// The values of a panel at a time.
const valuesAt = (box, cell, time) => {
  const { spec } = drawings.get(box);
  const { facet } = spec.vconcat?.find((child) => child.facet) ?? spec;
  const keys = [facet?.row?.field, facet?.column?.field].filter(Boolean);
  const place = ({ platform }) => names.platforms.indexOf(platform);
  const everything = allRecords(spec);
  const series = everything
    .filter((record) => record.t && keys.every((key) => record[key] === cell.group.datum?.[key]))
    .sort((a, b) => place(a) - place(b));
  if (!series.length) return null;
  const unit = unitOf(spec);
  const phase = everything.find(({ name, from, to }) => name && from <= time && time < to);
  const share = phase && Math.floor((100 * (time - phase.from)) / (phase.to - phase.from));
  const value = phase ? { Phase: `${phase.name}, ${share} %` } : { Time: `${short(time)} s` };
  if (series[0].row) Object.assign(value, { Run: series[0].row, Host: series[0].host });
  else value.Hosts = series[0].panel;
  for (const record of series) {
    if (record.platform && !isOf([record.platform])) continue;
    const found = (record.v ?? record.mean)[nearest(record.t, time)];
    const text = found === null ? "no sample" : `${short(found)} ${unit}`;
    value[record.platform ?? "Value"] = text;
  }
  return value;
};

// The scale of a chart's time, whatever stands around its panels.
const timeScale = (view) => {
  for (const name of ["x", "concat_0_x", "concat_1_x"]) {
    try {
      return view.scale(name);
    } catch {
      // It has another name.
    }
  }
  return null;
};

const listen = (box, view) => {
  const overTime = hasTime(box);
  const brushed = Boolean(box.dataset.spans);
  let start = null;
  let dragged = false;
  const band = document.createElement("div");
  band.className = "band";
  band.hidden = true;
  box.append(band);

  const placed = (event, item) => {
    const cell = overTime ? cellOf(item) : null;
    if (!cell) return null;
    const edge = box.querySelector("svg").getBoundingClientRect().left + view.origin()[0];
    const x = Math.min(Math.max(event.clientX - edge - cell.left, 0), cell.width);
    const scale = timeScale(view);
    return scale && { cell, x, edge, time: scale.invert(x) };
  };

  view.addEventListener("mousemove", (event, item) => {
    box.style.cursor = nameOf(item) ? "pointer" : brushed && cellOf(item) ? "crosshair" : "";
    const at = placed(event, item);
    if (!at || start) return;
    tip(event, valuesAt(box, at.cell, at.time));
  });
  view.addEventListener("click", (event, item) => {
    if (dragged) return;
    const name = nameOf(item);
    if (name?.platform) toggle(name.platform);
    else if (name?.phase) choosePhase(chosen.phase === name.phase ? "" : name.phase);
  });
  box.addEventListener("pointerleave", (event) => tip(event, null));
  if (!brushed) return;
  view.addEventListener("pointerdown", (event, item) => {
    dragged = false;
    start = event.pointerType === "touch" || event.button ? null : placed(event, item);
    if (start) event.preventDefault();
  });
  const ends = (event) => {
    const { edge, cell, x } = start;
    const other = Math.min(Math.max(event.clientX - edge - cell.left, 0), cell.width);
    return [Math.min(x, other), Math.max(x, other)];
  };
  const move = (event) => {
    if (!start) return;
    const [low, high] = ends(event);
    dragged = high - low > 5;
    band.hidden = !dragged;
    const left = start.edge + start.cell.left - box.getBoundingClientRect().left;
    band.style.left = `${left + low}px`;
    band.style.width = `${high - low}px`;
    tip(event, null);
  };
  const up = (event) => {
    if (!start) return;
    const [low, high] = ends(event).map((x) => view.scale("x").invert(x));
    start = null;
    band.hidden = true;
    if (dragged) zoom([low, high]);
  };
  const controller = new AbortController();
  addEventListener("pointermove", move, { signal: controller.signal });
  addEventListener("pointerup", up, { signal: controller.signal });
  const finalize = view.finalize.bind(view);
  view.finalize = () => { controller.abort(); return finalize(); };
};

// ---- time

const timed = boxes.filter((box) => box.dataset.spans);
const ranges = [];

// An end that nobody named stays empty: it is that of the run.
const zoom = (wanted, open = [false, false]) => {
  const rounded = wanted?.map((time) => Math.max(0, Math.round(time * 10) / 10));
  span = rounded && rounded[1] > rounded[0] ? rounded : null;
  for (const { from, to, whole } of ranges) {
    from.value = span && !open[0] ? String(span[0]) : "";
    to.value = span && !open[1] ? String(span[1]) : "";
    whole.hidden = !span;
  }
  say(span ? `Charts over time show ${span[0]} to ${span[1]} seconds` : "Charts over time show all of it");
  return Promise.all(timed.filter((box) => drawings.has(box)).map(follows));
};

// The end of the longest run.
const lastSecond = () =>
  Math.max(...timed.flatMap((box) => Object.values(JSON.parse(box.dataset.spans)).map(([, to]) => to)));

let lastPhase = "";
const zoomToPhase = () => {
  const known = timed.map((box) => JSON.parse(box.dataset.spans)[chosen.phase]).filter(Boolean);
  if (!known.length) {
    if (lastPhase) zoom(null);
    return;
  }
  const low = Math.min(...known.map(([from]) => from));
  const high = Math.max(...known.map(([, to]) => to));
  const air = (high - low) * 0.05;
  zoom([low - air, high + air]);
};

for (const box of timed) {
  const figure = box.closest("figure");
  const number = figure.querySelector("figcaption b").textContent;
  const range = document.createElement("span");
  range.className = "range";
  const field = (text, label) => {
    const input = document.createElement("input");
    Object.assign(input, { type: "number", min: "0", step: "any", inputMode: "decimal" });
    input.setAttribute("aria-label", `${label} of ${number} in seconds`);
    input.placeholder = text;
    return input;
  };
  const [from, to] = [field("begin", "First second"), field("end", "Last second")];
  const apply = () => {
    if (from.value === "" && to.value === "") zoom(null);
    else {
      const begin = Number(from.value || 0);
      const end = to.value === "" ? Math.max(lastSecond(), begin + 1) : Number(to.value);
      if (begin === end) say("Begin and end are the same second: nothing lies between them");
      else zoom([begin, end].sort((a, b) => a - b), [from.value === "", to.value === ""]);
    }
  };
  for (const input of [from, to]) input.addEventListener("change", apply);
  const whole = button("Whole run", "Show the whole run again in the charts over time", () => zoom(null));
  whole.hidden = true;
  range.append("Drag over the chart, or show seconds ", from, " to ", to, whole);
  figure.querySelector("[data-under]").append(range);
  ranges.push({ from, to, whole });
}
