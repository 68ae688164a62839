// Counts the seconds of a PIN down, takes it off the page at the end, copies it,
// and asks whether the Mac has reported its use. Without this file the page
// leaves by itself when the time is over.
(function () {
  "use strict";
  var box = document.getElementById("pin");
  if (!box) { return; }
  var left = document.getElementById("left");
  var end = Date.now() + Number(box.dataset.seconds) * 1000;
  var state = document.getElementById("state");
  var over = false;

  function tick() {
    var seconds = Math.max(0, Math.ceil((end - Date.now()) / 1000));
    left.textContent = seconds === 1 ? "1 second left" : seconds + " seconds left";
    if (seconds === 0) { clear("The time of this PIN is over. Generate a new one."); return; }
    setTimeout(tick, 250);
  }
  function clear(words) {
    if (over) { return; }
    over = true;
    document.querySelectorAll("[data-secret]").forEach(function (e) { e.remove(); });
    left.textContent = words;
  }
  tick();
  // What the browser keeps of a page that was left must not hold a PIN.
  addEventListener("pagehide", function () { clear("The PIN is not kept. Generate a new one."); });

  var copy = document.getElementById("copy");
  if (copy && navigator.clipboard) {
    copy.classList.remove("hidden");
    copy.addEventListener("click", function () {
      navigator.clipboard.writeText(box.textContent.replace(/\s/g, "")).then(function () { copy.textContent = "Copied"; });
    });
  }

  function ask() {
    fetch(state.dataset.from, { credentials: "same-origin" }).then(function (answer) {
      return answer.ok && !answer.redirected ? answer.text() : "";
    }).then(function (text) {
      var now = text && new DOMParser().parseFromString(text, "text/html").getElementById("state");
      if (now && now.textContent.trim() !== state.textContent.trim()) {
        state.innerHTML = "";
        Array.prototype.slice.call(now.childNodes).forEach(function (n) { state.appendChild(document.importNode(n, true)); });
        if (now.dataset.used) { clear("It did its work."); return; }
      }
      setTimeout(ask, 3000);
    }).catch(function () { setTimeout(ask, 10000); });
  }
  if (state) { setTimeout(ask, 3000); }
})();
