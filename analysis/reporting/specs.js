// Charts are made for a wide, light page without a choice; here they are fitted to this one.

const children = (spec) => [
  ...(spec.layer ?? []),
  ...(spec.concat ?? []),
  ...(spec.hconcat ?? []),
  ...(spec.vconcat ?? []),
  ...(spec.spec ? [spec.spec] : []),
];

const records = (data, spec) => data?.values ?? spec.datasets?.[data?.name] ?? [];

// Every unit of a chart, with the records that it draws.
const eachUnit = (spec, visit, root = spec, data = spec.data) => {
  const own = spec.data ?? data;
  if (spec.mark) visit(spec, records(own, root));
  for (const child of children(spec)) eachUnit(child, visit, root, own);
};

const FIELDS = ["platform", "pair", "phase"];
const FAINT = 0.09;
const LINE = 24; // letters of a pair in one line
const RUN = 18; // letters of a run beside its bar
const PAPER_HEIGHT = 540; // pixels of a page for the rows of a chart, beside all that is said of it

// What is not chosen gets faint: a parameter holds the names that are.
const fading = (spec) => {
  eachUnit(spec, (unit, drawn) => {
    const there = FIELDS.filter((field) => drawn.some((record) => field in record));
    if (!there.length || unit.encoding?.opacity) return;
    const mark = typeof unit.mark === "string" ? { type: unit.mark } : unit.mark;
    const test = there.map((field) => `indexof(faint.${field}, datum.${field}) < 0`).join(" && ");
    unit.encoding = {
      ...unit.encoding,
      opacity: { condition: { test, value: mark.opacity ?? 1 }, value: FAINT },
    };
  });
};

const allRecords = (spec) => {
  const found = new Set();
  eachUnit(spec, (_, drawn) => { for (const record of drawn) found.add(record); });
  return [...found];
};

// The names of a chart's records that are not chosen.
const faintNames = (spec) => {
  const faint = Object.fromEntries(FIELDS.map((field) => [field, []]));
  for (const record of allRecords(spec)) {
    if (typeof record.platform === "string" && !isOf([record.platform])) {
      faint.platform.push(record.platform);
    }
    if (typeof record.pair === "string" && !isOf(record.of ?? [])) faint.pair.push(record.pair);
  }
  if (chosen.phase) {
    const there = new Set(allRecords(spec).flatMap((record) => record.phase ?? []));
    // A chart of other phases alone has nothing that could stand out.
    if (there.has(chosen.phase)) faint.phase = [...there].filter((name) => name !== chosen.phase);
  }
  return faint;
};

// Panels of other phases are left out. Returns whether anything is left.
const ofPhase = (spec) => {
  if (!chosen.phase) return true;
  let left = true;
  if (spec.concat) {
    const text = (panel) => panel.title?.text ?? panel.title;
    if (spec.concat.some((panel) => names.phases.includes(text(panel)))) {
      spec.concat = spec.concat.filter((panel) => text(panel) === chosen.phase);
      left = spec.concat.length > 0;
    }
  }
  for (const part of ["concat", "vconcat"]) {
    if (spec[part]) {
      spec[part] = spec[part].filter(ofPhase);
      left &&= spec[part].length > 0;
    }
  }
  return left;
};

// The phase of a chart of stretched phases that is shown alone, and where it lies.
const stretch = (spec) => {
  const own = allRecords(spec).find((record) => record.name === chosen.phase && "from" in record);
  return own ? [own.from, own.to] : null;
};

// Such a chart of one phase needs no row of names.
const ofStretch = (spec) => {
  if (!stretch(spec)) return;
  spec.vconcat = spec.vconcat.slice(1);
  eachUnit(spec, ({ encoding }) => {
    if (encoding?.x?.title) encoding.x.title = `${chosen.phase}, from its begin to its end`;
  });
};

const longest = (spec) => {
  const fields = new Set();
  eachUnit(spec, ({ encoding }) => fields.add(encoding?.y?.field));
  // Where a pair is long, pairs stand in two lines, their sign in the second.
  const pairs = fields.has("pair") ? allRecords(spec).filter((record) => record.pair) : [];
  const broken = pairs.some(({ pair }) => pair.length > LINE);
  const lines = [
    ...pairs.flatMap(({ pair, of }) => (broken ? of.map((level) => `− ${level}`) : pair)),
    ...(fields.has("run") ? allRecords(spec).map(({ run }) => String(run).slice(0, RUN)) : []),
    ...(fields.has("platform") ? allRecords(spec).map(({ platform }) => platform ?? "") : []),
  ];
  return Math.min(150, 6.3 * Math.max(0, ...lines.map((text) => text.length)));
};

// Keys of colours stand in as many columns as there is room for.
const keyed = (spec, room) => {
  eachUnit(spec, ({ encoding }) => {
    for (const channel of Object.values(encoding ?? {})) {
      if (channel?.scale?.domain && channel.legend !== null && room < 800) {
        channel.legend = { ...channel.legend, columns: Math.max(2, Math.floor(room / 150)) };
      }
    }
  });
};

const hasAxes = (spec) => {
  let found = false;
  eachUnit(spec, ({ encoding }) => { found ||= encoding?.y !== undefined && encoding.y.axis !== null; });
  return found;
};

// What stands around a narrow panel is made for a wider one.
const narrowed = (panel, room) => {
  eachUnit(panel, ({ encoding }) => {
    const axis = encoding?.x?.axis;
    if (!axis?.values || axis.labels === false) return;
    const every = Math.ceil((axis.values.length * 36) / panel.width);
    const none = Math.max(0, axis.values.indexOf(1));
    axis.values = axis.values.filter((_, place) => (place - none) % every === 0);
  });
  const letters = Math.max(12, Math.floor(room / 7));
  const text = panel.title?.text;
  if (typeof text !== "string" || text.length <= letters) return;
  const lines = [""];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1)} ${word}`.trim();
    if (longer.length > letters && lines.at(-1)) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  panel.title.text = lines;
};

// How far the slanted names above a chart reach beyond its right edge.
const beyond = (spec, width) => {
  const reach = [0];
  eachUnit(spec, ({ mark, encoding }, drawn) => {
    if ((mark.type ?? mark) !== "text") return;
    const [low, high] = encoding.x.scale.domain;
    const right = ({ name, place }) => 5 * name.length - (width * (high - place)) / (high - low);
    reach.push(...drawn.map(right));
  });
  return Math.min(width / 4, Math.max(...reach));
};

// Give a chart the room that there is.
const fitted = (spec, room, onPaper, overTime) => {
  const panels = spec.concat ?? spec.hconcat;
  if (spec.concat && spec.columns) {
    // Of a panel: its labels, and the space between panels.
    const around = 46 + (longest(spec) || 40);
    const most = onPaper ? 3 : Math.min(4, Math.floor(room / 330));
    spec.columns = Math.max(1, Math.min(most, panels.length));
    const width = Math.min(460, Math.floor(room / Math.max(1, most)) - around);
    for (const panel of panels) {
      if (!panel.width) continue;
      panel.width = Math.max(110, width);
      narrowed(panel, panel.width + 12);
    }
  } else if (spec.hconcat) {
    const most = Math.max(1, Math.min(panels.length, Math.floor(room / 220)));
    const width = Math.floor(room / most) - Math.max(62, 24 + longest(spec));
    for (const panel of panels) if (panel.width) panel.width = Math.max(140, width);
    if (most < panels.length) {
      spec.concat = spec.hconcat;
      spec.columns = most;
      delete spec.hconcat;
    }
  } else if (spec.facet?.column) {
    const { field, sort } = spec.facet.column;
    const columns = sort?.length ?? new Set(allRecords(spec).map((record) => record[field])).size;
    const width = Math.floor((room - (overTime ? 130 : 160)) / columns) - 14;
    spec.spec.width = Math.max(onPaper ? 90 : 150, Math.min(420, width));
    if (onPaper && overTime) {
      const rows = spec.facet.row.sort.length;
      spec.spec.height = Math.max(10, Math.min(46, Math.floor(PAPER_HEIGHT / rows) - 6));
    }
  } else if (spec.facet) {
    spec.spec.width = Math.max(220, Math.min(1080, room - 76));
  } else if (spec.vconcat?.some((child) => child.facet)) {
    // A row above panels is as wide as they are.
    let width = Math.max(onPaper ? 220 : 520, Math.min(1080, room - 76));
    width -= Math.max(0, beyond(spec, width) - Math.max(0, room - 76 - width));
    for (const child of spec.vconcat) (child.spec ?? child).width = width;
  } else if (spec.vconcat) {
    for (const child of spec.vconcat) fitted(child, room, onPaper, overTime);
  } else if (typeof spec.width === "number") {
    const around = hasAxes(spec) ? 110 : 20;
    spec.width = Math.max(160, Math.min(spec.width, room - around));
  }
  return spec;
};

const isTime = (scale) => /(^|_)x$/.test(scale.name) && scale.type === "linear";

const eachGroup = (group, visit) => {
  visit(group);
  for (const mark of group.marks ?? []) eachGroup(mark, visit);
};

// A time axis that can be narrowed while it is seen.
const zoomable = (compiled) => {
  compiled.signals = [...(compiled.signals ?? []), { name: "span", value: null }];
  eachGroup(compiled, (group) => {
    for (const scale of group.scales ?? []) {
      if (isTime(scale)) scale.domainRaw = { signal: "span" };
    }
  });
};

// Names beside axes, in keys and above panels can be clicked.
const clickable = (compiled) => {
  const touched = (guide, parts) => {
    guide.encode ??= {};
    for (const part of parts) guide.encode[part] = { ...guide.encode[part], interactive: true };
  };
  eachGroup(compiled, (group) => {
    for (const axis of group.axes ?? []) touched(axis, ["labels"]);
    for (const legend of group.legends ?? []) touched(legend, ["labels", "symbols"]);
    if (typeof group.title === "object" && !Array.isArray(group.title)) {
      touched(group.title, ["title"]);
    }
  });
};

const clipped = (spec) => {
  eachUnit(spec, (unit) => {
    unit.mark = typeof unit.mark === "string" ? { type: unit.mark } : unit.mark;
    // A name above the last phase is longer than that.
    if (unit.mark.type !== "text") unit.mark.clip = true;
  });
};
