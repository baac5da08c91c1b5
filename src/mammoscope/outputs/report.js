"use strict";
const slider = document.getElementById("opacity");
const shown = document.getElementById("opacity-shown");
slider.addEventListener("input", () => {
  document.documentElement.style.setProperty("--map-opacity", slider.value / 100);
  shown.textContent = slider.value + " %";
});
for (const [id, name] of [["show-map", "no-map"], ["show-boxes", "no-boxes"]]) {
  const box = document.getElementById(id);
  const apply = () => document.body.classList.toggle(name, !box.checked);
  box.addEventListener("change", apply);
  apply();
}
const large = document.getElementById("large");
large.addEventListener("change", () => document.body.classList.toggle("large", large.checked));
// On paper nothing can be opened: print what is folded, then fold it again.
const folded = [];
addEventListener("beforeprint", () => {
  for (const part of document.querySelectorAll("details:not([open])")) {
    part.open = true;
    folded.push(part);
  }
});
addEventListener("afterprint", () => { while (folded.length) folded.pop().open = false; });
