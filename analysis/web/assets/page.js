"use strict";
{
  const views = new Map(); // element's id to { made, told, finish }
  const dark = window.matchMedia("(prefers-color-scheme: dark)");

  const isDark = () => {
    const chosen = document.documentElement.dataset.theme;
    return chosen ? chosen === "dark" : dark.matches;
  };

  let loading;
  const runtime = () => {
    loading ??= new Promise((resolve, reject) => {
      const script = document.createElement("script");
      script.src = document.querySelector("meta[name=vega]").content;
      script.onload = resolve;
      script.onerror = () => reject(new Error("the drawing library could not be loaded"));
      document.head.append(script);
    });
    return loading;
  };

  // Charts are made for a wide page; here they are given the room that there is.
  const fitPanels = (spec, room) => {
    for (const inner of spec.vconcat ?? []) fitPanels(inner, room);
    if (!spec.concat) return;
    const around = 104; // of a panel: its labels, and the space between panels
    const columns = Math.max(1, Math.min(4, spec.concat.length, Math.floor(room / 340)));
    const width = Math.floor(room / columns) - around;
    spec.columns = columns;
    const most = spec.concat.length > 1 ? 460 : 760;
    for (const panel of spec.concat) panel.width = Math.max(120, Math.min(most, width));
  };
  const wrapped = (lines, room) => {
    const most = Math.max(30, Math.floor(room / 6.2)); // letters of a line
    return lines.flatMap((line) => {
      const parts = [""];
      for (const word of line.split(" ")) {
        const longer = `${parts.at(-1)} ${word}`.trim();
        if (longer.length > most) parts.push(word);
        else parts[parts.length - 1] = longer;
      }
      return parts;
    });
  };
  const fitted = (given, fit, room) => {
    const spec = structuredClone(given);
    if (spec.title?.subtitle) spec.title.subtitle = wrapped([spec.title.subtitle].flat(), room);
    if (fit === "columns") fitPanels(spec, room);
    else if (fit === "maps") {
      for (const part of spec.vconcat) part.width = Math.max(200, Math.min(1200, room - 260));
    } else {
      spec.spec.width = Math.max(200, Math.min(1300, room - 64));
      for (const { encoding } of spec.spec.layer) {
        if (encoding.fill?.legend) encoding.fill.legend.columns = Math.max(2, Math.trunc(room / 190));
        if (encoding.stroke && room < 600) encoding.stroke.legend = { columns: 1 };
      }
    }
    for (const param of spec.params ?? []) if (param.name === "dark") param.value = isDark();
    return spec;
  };

  const draw = async (box, told) => {
    views.get(box.id)?.finish();
    const kept = { told, width: box.clientWidth, finish: () => {} };
    views.set(box.id, kept);
    try {
      await runtime();
      if (views.get(box.id) !== kept || !box.isConnected) return;
      const made = await vegaEmbed(box, fitted(told.spec, told.fit, box.clientWidth), {
        actions: false,
        ast: true, // expressions are interpreted: no script is made of a text
        defaultStyle: false,
        renderer: "svg",
      });
      kept.view = made.view;
      kept.finish = () => made.finalize();
      box.dataset.state = "drawn";
      box.style.minHeight = "";
    } catch (error) {
      box.dataset.state = "failed";
      box.textContent = `This chart could not be drawn: ${error.message}`;
    }
  };

  const again = () => {
    for (const [id, kept] of views) {
      const box = document.getElementById(id);
      if (!box) {
        kept.finish();
        views.delete(id);
      } else if (kept.width !== box.clientWidth && box.clientWidth > 0) draw(box, kept.told);
    }
  };
  let waiting;
  window.addEventListener("resize", () => {
    clearTimeout(waiting);
    waiting = setTimeout(again, 150);
  });

  const shade = () => {
    for (const kept of views.values()) kept.view?.signal("dark", isDark()).runAsync();
  };
  dark.addEventListener("change", shade);

  // Dash's dropdown takes the focus with an element that is hidden from those who hear the page, and
  // passes it on to its button; the button takes it itself here. What it unfolds has no name, and
  // calls itself a list of options with radio buttons inside, which an option may not have: those
  // who hear the page get the radio buttons.
  const mend = () => {
    for (const target of document.querySelectorAll(".dash-dropdown-focus-target[tabindex='0']")) {
      const button = target.parentElement.querySelector("button.dash-dropdown");
      if (!button) continue;
      target.tabIndex = -1;
      button.tabIndex = 0;
    }
    const unnamed = ".dash-dropdown-content:not([aria-label]), .dash-dropdown-options:not([aria-label])";
    for (const part of document.querySelectorAll(unnamed)) {
      const field = document.querySelector(".dash-dropdown[aria-expanded=true]")?.closest(".field");
      if (field) part.setAttribute("aria-label", field.querySelector(".label").textContent);
    }
    for (const list of document.querySelectorAll(".dash-dropdown-options[role=listbox]")) {
      list.setAttribute("role", "radiogroup");
    }
    for (const option of document.querySelectorAll(".dash-dropdown-option:is([role], [aria-selected])")) {
      option.removeAttribute("role");
      option.removeAttribute("aria-selected");
    }
  };
  const mended = { attributeFilter: ["role", "aria-selected"], childList: true, subtree: true };
  new MutationObserver(mend).observe(document, mended);

  // Dash writes the keys of an id in their order.
  const boxOf = (of) => document.getElementById(JSON.stringify({ of, type: "chart" }));

  window.dash_clientside = Object.assign({}, window.dash_clientside, {
    minion: {
      draw: (told, id) => {
        const box = boxOf(id.of);
        if (box && told) draw(box, told);
        return window.dash_clientside.no_update;
      },
      add: (fresh) => {
        const kept = fresh && views.get(boxOf(fresh.of)?.id);
        if (kept && fresh.rows.length) {
          const rows = kept.told.spec.data.values;
          rows.push(...fresh.rows);
          // Vega marks the rows that it is given: it gets its own.
          kept.view?.data("samples", structuredClone(rows)).runAsync();
        }
        return window.dash_clientside.no_update;
      },
      title: (text) => {
        document.title = text ? `${text} · Minion` : "Minion";
        return window.dash_clientside.no_update;
      },
      theme: (clicks) => {
        if (clicks) {
          const wanted = isDark() ? "light" : "dark";
          document.documentElement.dataset.theme = wanted;
          localStorage.setItem("minion-theme", wanted);
          shade();
        }
        return isDark() ? "Light" : "Dark";
      },
    },
  });
}
