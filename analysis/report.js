"use strict";
{
  const boxes = [...document.querySelectorAll("[data-chart]")];
  const started = new Map();

  // Charts are made for a wide page; here they are given the room that there is.
  const fitted = (spec, fit, room) => {
    const [kind, count] = fit.split(":");
    if (kind === "strips") {
      const around = 52 + Number(count); // of a panel: its labels, and the space between panels
      spec.columns = Math.max(1, Math.min(4, Math.floor(room / 350)));
      const width = Math.min(420, Math.floor(room / spec.columns) - around);
      for (const panel of spec.concat) panel.width = Math.max(150, width);
    } else if (kind === "course") {
      spec.spec.width = Math.max(260, Math.min(1080, room - 90));
    } else if (kind === "grid") {
      const width = Math.floor((room - 130) / Number(count)) - 8;
      spec.spec.width = Math.max(150, Math.min(420, width));
    }
    return spec;
  };

  const draw = (box) => {
    if (!started.has(box)) {
      const text = document.getElementById(box.dataset.chart).textContent;
      const spec = fitted(JSON.parse(text), box.dataset.fit, box.clientWidth);
      const actions = { export: true, source: false, compiled: false, editor: false };
      const done = vegaEmbed(box, spec, { actions, renderer: "svg" }).then(
        () => {
          box.dataset.state = "drawn";
          box.style.minHeight = "";
        },
        (error) => {
          box.dataset.state = "failed";
          box.textContent = `This chart could not be drawn: ${error.message}`;
          console.error(error);
        },
      );
      started.set(box, done);
    }
    return started.get(box);
  };

  const seen = new IntersectionObserver(
    (entries) => {
      for (const entry of entries) {
        if (entry.isIntersecting) {
          seen.unobserve(entry.target);
          draw(entry.target);
        }
      }
    },
    { rootMargin: "600px 0px" },
  );
  for (const box of boxes) seen.observe(box);

  // Paper shows everything: what is folded, and what nobody has scrolled to.
  let folded = [];
  window.addEventListener("beforeprint", () => {
    folded = [...document.querySelectorAll("details.fold:not([open])")];
    for (const fold of folded) fold.open = true;
    for (const box of boxes) draw(box);
  });
  window.addEventListener("afterprint", () => {
    for (const fold of folded) fold.open = false;
  });

  const compare = (a, b) => {
    const [x, y] = [Number(a), Number(b)];
    return Number.isNaN(x) || Number.isNaN(y)
      ? a.localeCompare(b, "en", { numeric: true })
      : x - y;
  };

  const sort = (head) => {
    const table = head.closest("table");
    const column = [...head.parentNode.children].indexOf(head);
    const descending = head.getAttribute("aria-sort") === "ascending";
    for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
    head.setAttribute("aria-sort", descending ? "descending" : "ascending");
    const body = table.tBodies[0];
    const rows = [...body.rows].map((row) => [row.cells[column].dataset.sort, row]);
    rows.sort(([a], [b]) => {
      // What has no value stays at the end, whichever way.
      if (a === undefined || b === undefined) return (a === undefined) - (b === undefined);
      return descending ? compare(b, a) : compare(a, b);
    });
    body.append(...rows.map(([, row]) => row));
  };

  for (const button of document.querySelectorAll("table.sortable th button")) {
    button.addEventListener("click", () => sort(button.closest("th")));
  }
}
