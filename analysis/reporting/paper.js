// The page around its parts: paper, the contents, what can be scrolled, links into folds.

// Paper shows every chart, light and as wide as a page, and opens what belongs there.
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details[data-paper]:not([open])")];
  for (const fold of opened) fold.open = true;
  onPaper = true;
  for (const box of boxes) {
    near.unobserve(box);
    draw(box);
  }
});
addEventListener("afterprint", () => {
  onPaper = false;
  for (const fold of opened) fold.open = false;
  for (const box of boxes) {
    if (isNear(box)) draw(box);
    else forget(box);
  }
  drawTheRest();
});

const contents = document.querySelector("[data-contents]");
const wide = matchMedia("(min-width: 1100px)");
const openContents = () => { contents.open = wide.matches; };
wide.addEventListener("change", openContents);
openContents();
contents.addEventListener("click", (event) => {
  if (event.target.closest("a") && !wide.matches) contents.open = false;
});

// What is wider than its place can be scrolled with the keyboard.
const scrolls = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const place = target.parentElement;
    if (place.scrollWidth > place.clientWidth) {
      place.tabIndex = 0;
      place.setAttribute("role", "region");
      const name = place.closest("figure, .tabled").querySelector("b").textContent;
      place.setAttribute("aria-label", `${name}, can be scrolled`);
    } else {
      place.removeAttribute("tabindex");
      place.removeAttribute("role");
      place.removeAttribute("aria-label");
    }
  }
});
for (const place of document.querySelectorAll(".scroll")) scrolls.observe(place.firstElementChild);

// A link into a fold opens it.
const reveal = () => {
  const target = location.hash && document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!target) return;
  for (let fold = target.closest("details"); fold; fold = fold.parentElement.closest("details")) {
    fold.open = true;
  }
  target.scrollIntoView();
};
addEventListener("hashchange", reveal);
document.addEventListener("click", (event) => {
  if (event.target.closest?.('a[href^="#"]')) setTimeout(reveal);
});
reveal();
