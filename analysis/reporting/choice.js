// What the reader chose to see: platforms and a phase. Everything of the page follows.
const names = JSON.parse(document.getElementById("names").textContent);
const chosen = { platforms: new Set(), phase: "" };
const followers = [];

const live = document.querySelector("[data-said]");
const say = (text) => {
  live.textContent = "";
  setTimeout(() => { live.textContent = text; }, 30);
};

// Something about one platform is shown with it; about several, when it is about the choice alone.
const isOf = (platforms) => {
  if (!chosen.platforms.size || !platforms.length) return true;
  if (chosen.platforms.size === 1) return platforms.some((name) => chosen.platforms.has(name));
  return platforms.every((name) => chosen.platforms.has(name));
};

const isShown = (element) => {
  const { of, in: within } = element.dataset;
  if (of && !isOf(of.split(" ").map((place) => names.platforms[Number(place)]))) return false;
  return !chosen.phase || !within || names.phases[Number(within)] === chosen.phase;
};

const inWords = () => {
  const platforms = [...chosen.platforms].join(" and ");
  return [platforms, chosen.phase].filter(Boolean).join(", ");
};

const about = [...document.querySelectorAll("main [data-of], main [data-in]")].filter(
  (element) => element.tagName !== "TR",
);
const lists = [...document.querySelectorAll("[data-list]")];
for (const list of lists) {
  const none = document.createElement("li");
  none.className = "none";
  none.textContent = "None of these is about what was chosen.";
  none.hidden = true;
  list.append(none);
}

// What the reader looks at stays where it is while things above it come and go.
const anchored = async (change) => {
  const before = [...document.querySelectorAll("main section[id], main figure")].filter(
    (element) => element.getBoundingClientRect().top <= innerHeight / 3,
  );
  const anchor = before.at(-1);
  const top = anchor?.getBoundingClientRect().top;
  await change();
  if (anchor && scrollY > 0) {
    const moved = anchor.getBoundingClientRect().top - top;
    if (Math.abs(moved) > 1) scrollBy({ top: moved, behavior: "instant" });
  }
};

const form = document.querySelector("form.choice");
const chips = [...form.querySelectorAll("[data-platform]")];
const phases = form.querySelector("select");
const everything = form.querySelector("[data-everything]");
const shown = document.querySelector("[data-shown]");

const follow = () =>
  anchored(async () => {
    for (const chip of chips) {
      const name = names.platforms[Number(chip.dataset.platform)];
      chip.setAttribute("aria-pressed", String(chosen.platforms.has(name)));
    }
    if (phases) phases.value = chosen.phase;
    const text = inWords();
    everything.hidden = !text;
    shown.hidden = !text;
    shown.textContent = text && `Shown: ${text}. Everything else is hidden or faint.`;
    for (const element of about) element.hidden = !isShown(element);
    for (const list of lists) {
      const none = list.lastElementChild;
      none.hidden = [...list.children].some((item) => item !== none && !item.hidden);
    }
    say(text ? `Shown: ${text}` : "Everything is shown");
    await Promise.all(followers.map((update) => update()));
  });

const toggle = (name) => {
  if (!chosen.platforms.delete(name)) chosen.platforms.add(name);
  if (chosen.platforms.size === names.platforms.length) chosen.platforms.clear();
  return follow();
};

const choosePhase = (name) => {
  chosen.phase = name;
  return follow();
};

form.hidden = false;
form.addEventListener("submit", (event) => event.preventDefault());
for (const chip of chips) {
  chip.addEventListener("click", () => toggle(names.platforms[Number(chip.dataset.platform)]));
}
phases?.addEventListener("change", () => choosePhase(phases.value));
everything.addEventListener("click", () => {
  chosen.platforms.clear();
  chosen.phase = "";
  chips[0]?.focus();
  return follow();
});
