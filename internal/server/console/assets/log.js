// Follows the log: asks every two seconds what is newer, and puts it on top. It
// ends after a quarter of an hour, so that a page that was left open does not
// keep its session alive for ever.
(function () {
  "use strict";
  var button = document.querySelector("[data-follow]");
  var says = document.getElementById("follow-says");
  if (!button) { return; }
  var last = button.dataset.last, timer, ends;
  button.classList.remove("hidden");
  button.addEventListener("click", function () {
    if (timer) { stop(""); return; }
    ends = Date.now() + 15 * 60 * 1000;
    button.setAttribute("aria-pressed", "true");
    button.textContent = "Stop following";
    says.textContent = "Following: newer events appear on top.";
    look();
  });
  function stop(why) {
    clearTimeout(timer);
    timer = 0;
    button.setAttribute("aria-pressed", "false");
    button.textContent = "Follow live";
    says.textContent = why;
  }
  function look() {
    if (Date.now() > ends) { stop("Not followed any more, after a quarter of an hour."); return; }
    timer = setTimeout(look, 2000);
    fetch(button.dataset.follow + "&after=" + encodeURIComponent(last), { credentials: "same-origin" }).then(function (answer) {
      if (!answer.ok || answer.redirected) { location.reload(); return null; }
      return answer.json();
    }).then(function (news) {
      if (!news || news.last === last) { return; }
      last = news.last;
      var list = document.getElementById("events");
      if (!list) { location.reload(); return; }
      list.insertAdjacentHTML("afterbegin", news.rows);
      while (list.rows.length > 500) { list.deleteRow(list.rows.length - 1); }
    }).catch(function () { says.textContent = "The server cannot be reached; still following."; });
  }
})();
