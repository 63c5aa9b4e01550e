// Tables: sorted by a click on a head, narrowed by words, copied as CSV.
const MANY = 8; // rows from which on words can be looked for

const byKey = (a, b) => {
  const [x, y] = [Number(a), Number(b)];
  return Number.isNaN(x) || Number.isNaN(y)
    ? a.localeCompare(b, "en", { numeric: true })
    : x - y;
};

const sort = (head) => {
  const column = [...head.parentNode.children].indexOf(head);
  const descending = head.getAttribute("aria-sort") === "ascending";
  for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", descending ? "descending" : "ascending");
  const body = head.closest("table").tBodies[0];
  const rows = [...body.rows].map((row) => [row.cells[column].dataset.s, row]);
  rows.sort(([a], [b]) => {
    // What has no value stays at the end, whichever way.
    if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
    return descending ? byKey(b, a) : byKey(a, b);
  });
  body.append(...rows.map(([, row]) => row));
};

const textIn = (cell) => (cell.querySelector(".text") ?? cell).textContent.trim();

// A spreadsheet must not take a name for a formula.
const plainNumber = /^-?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
const harmless = (text) =>
  /^[=+@\t\r-]/.test(text) && !plainNumber.test(text) ? `'${text}` : text;
const quoted = (value) => {
  const text = value === null ? "" : typeof value === "string" ? harmless(value) : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
};

const valuesOf = (cell) => {
  if (cell.dataset.x) return JSON.parse(cell.dataset.x);
  if (cell.classList.contains("n") && cell.dataset.s) return [Number(cell.dataset.s)];
  return [textIn(cell)];
};

const csv = (table) => {
  const seen = (cell) => !cell.hidden;
  const heads = [...table.tHead.rows[0].cells].filter(seen);
  const rows = [...table.tBodies[0].rows].filter(seen);
  const lines = [
    heads.flatMap((head) => JSON.parse(head.dataset.head)),
    ...rows.map((row) => [...row.cells].filter(seen).flatMap(valuesOf)),
  ];
  return { text: lines.map((line) => line.map(quoted).join(",")).join("\r\n") + "\r\n", rows };
};

// Where there is no clipboard, the text is shown to be copied by hand.
const copied = async (text, beside) => {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    const area = document.createElement("textarea");
    area.value = text;
    area.readOnly = true;
    area.className = "by-hand";
    area.setAttribute("aria-label", "The text, to be copied by hand");
    beside.after(area);
    area.focus();
    area.select();
    const done = document.execCommand("copy");
    if (done) {
      area.remove();
      beside.focus?.();
    }
    return done;
  }
};

const told = (element, text) => {
  element.textContent = text;
  say(text);
  setTimeout(() => { if (element.textContent === text) element.textContent = ""; }, 4000);
};

const tools = [];
for (const table of document.querySelectorAll("table.tools")) {
  for (const head of table.tHead.querySelectorAll("button")) {
    head.addEventListener("click", () => sort(head.closest("th")));
  }
  const rows = [...table.tBodies[0].rows];
  const { name } = table.dataset;
  const bar = document.createElement("div");
  bar.className = "bar-of-table";
  const count = document.createElement("span");
  count.className = "note";
  const done = document.createElement("span");
  done.className = "note";
  const copy = button("Copy as CSV", `Copy the table “${name}” as CSV`, async () => {
    const { text, rows: some } = csv(table);
    const parts = `${some.length} of ${rows.length} rows`;
    const what = some.length === rows.length ? `${rows.length} rows` : parts;
    const ok = await copied(text, copy);
    told(done, ok ? `Copied ${what}` : "Copy the text below by hand");
  });
  const words = document.createElement("input");
  Object.assign(words, { type: "search", placeholder: "Filter rows" });
  words.setAttribute("aria-label", `Filter the rows of the table “${name}”`);
  const narrow = () => {
    const wanted = words.value.trim().toLowerCase().split(/\s+/).filter(Boolean);
    let left = 0;
    for (const row of rows) {
      const text = wanted.length ? row.textContent.toLowerCase() : "";
      row.hidden = !isShown(row) || !wanted.every((word) => text.includes(word));
      left += !row.hidden;
    }
    count.textContent = left === rows.length ? "" : `${left} of ${rows.length} rows`;
  };
  words.addEventListener("input", narrow);
  if (rows.length >= MANY) bar.append(words);
  bar.append(copy, count, done);
  table.closest(".tabled").querySelector(".head").append(bar);
  tools.push(narrow);
}
followers.push(() => { for (const narrow of tools) narrow(); });

for (const code of document.querySelectorAll("[data-command]")) {
  const done = document.createElement("span");
  done.className = "note";
  const copy = button("Copy", `Copy the command ${code.textContent}`, async () => {
    const ok = await copied(code.textContent, copy);
    told(done, ok ? "Copied" : "Copy it by hand");
  });
  code.after(" ", copy, " ", done);
}
