"use strict";
// Before anything is painted: what was chosen on this page, else what the system says.
{
  const chosen = localStorage.getItem("minion-theme");
  if (chosen === "dark" || chosen === "light") document.documentElement.dataset.theme = chosen;
}
