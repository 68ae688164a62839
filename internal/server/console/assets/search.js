// Searches as one types: the same page, asked for again, takes the list's
// place. Without this file the form's button does it.
(function () {
  "use strict";
  var form = document.querySelector("form[data-live]");
  if (!form) { return; }
  var field = form.querySelector("input[type=search]");
  var list = document.getElementById(form.dataset.live);
  var timer, running;
  field.addEventListener("input", function () {
    clearTimeout(timer);
    timer = setTimeout(search, 150);
  });
  function search() {
    var url = form.action + "?" + new URLSearchParams(new FormData(form));
    if (running) { running.abort(); }
    running = new AbortController();
    fetch(url, { signal: running.signal, credentials: "same-origin" }).then(function (answer) {
      if (!answer.ok || answer.redirected) { location.assign(url); return ""; }
      return answer.text();
    }).then(function (text) {
      var found = text && new DOMParser().parseFromString(text, "text/html").getElementById(list.id);
      if (!found) { return; }
      list.replaceWith(found);
      list = found;
      history.replaceState(null, "", url);
    }).catch(function () { /* a newer search has taken over, or the network is away */ });
  }
})();
