// The page is whole without this: it only shows what has changed without being
// asked, and counts the minutes down.
"use strict";
const version = document.body.dataset.version;
async function watch() {
  for (;;) {
    try {
      const answer = await fetch("/changed?version=" + version);
      if (answer.status === 200) { location.replace("/"); return; }
      if (answer.status !== 204) { return; }
    } catch { return; }
  }
}
watch();
const left = document.querySelector("[data-left]");
if (left) {
  const end = Date.now() + 1000 * Number(left.dataset.left);
  setInterval(() => {
    const s = Math.max(0, Math.round((end - Date.now()) / 1000));
    left.textContent = s > 7200 ? Math.floor(s / 3600) + " hours" : Math.floor(s / 60) + ":" + String(s % 60).padStart(2, "0") + " minutes";
  }, 1000);
}
