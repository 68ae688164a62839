// The phone's page. It shows the state that the server tells, and sends what
// the person answers. Nothing of it is kept in the page but what is on the screen.
(function () {
  "use strict";
  var at = "/authenticator/";
  var stream = null, asked = null, ticking = null, locking = null, retrying = null, stay = false;

  function id(name) { return document.getElementById(name); }

  // What is said where something has ended: tone, heading, text, and the button.
  var says = {
    approved: ["good", "Approved", "You can go on at the Mac.", "Done"],
    denied: ["", "Refused", "The Mac is told that you said no.", "Done"],
    notme: ["bad", "Stopped", "Nobody is asked on your phones any more. Call your help desk now: somebody knows enough to try to sign in as you.", "Done"],
    wrong_number: ["bad", "Wrong number", "That is not the number on the Mac’s screen, so the sign-in is refused. Begin again at the Mac. Did you not sign in? Call your help desk.", "Done"],
    late: ["warn", "Too late", "The request has ended before it was answered. Begin again at the Mac.", "Done"],
    newer: ["warn", "There is a newer request", "The one before it does not count any more.", "Done"],
    elsewhere_yes: ["good", "Answered already", "It was approved on another of your phones. Was it not you? Call your help desk.", "Done"],
    elsewhere_no: ["", "Answered already", "It was refused on another of your phones.", "Done"],
    again: ["", "Answered already", "You have answered this request before.", "Done"],
    gone: ["warn", "The request has ended", "It does not count any more, since something of your authenticators was changed.", "Done"],
    not_found: ["bad", "No such request", "There is no such request for this phone. Nothing was answered.", "Back"],
    removed: ["bad", "This phone is not an authenticator any more", "It was removed, or your account is not active. Your help desk can invite it again.", "Look again"],
    wrong_account: ["bad", "That passkey is of another account", "Choose the passkey that was made when this phone was set up.", "Try again"],
    suspended: ["bad", "This phone is suspended", "Somebody may have a copy of its passkey. Call your help desk: they remove it and invite the phone again.", "Look again"],
    not_verified: ["bad", "You were not verified", "Your authenticator has to check its PIN, your face or your finger. Set one up, then try again.", "Try again"],
    not_right: ["bad", "That did not work", "The answer of your authenticator is not right, or came too late.", "Try again"],
    wrong_site: ["bad", "That did not work", "The answer of your authenticator is for another site. Did you open the right address?", "Try again"],
    enrolled: ["warn", "It is set up already", "This authenticator is registered for your account. There is nothing to do. To set it up anew, have your help desk remove it first.", "Done"],
    too_many_factors: ["bad", "You have as many as there may be", "Ask your help desk to remove an authenticator that you do not use.", "Done"],
    key_ready: ["good", "The key is registered", "From now on it signs you in to Macs. You can close this page.", "Done"],
    no_visit: ["warn", "The set-up took too long", "Ask your help desk for another invitation.", "Done"],
    invitation_used: ["bad", "This invitation was used", "It works once. Was it not you who used it? Tell your help desk now. Else ask them for another one.", "Done"],
    invitation_expired: ["warn", "This invitation is too old", "It works for a day. Ask your help desk for another one.", "Done"],
    invitation_revoked: ["warn", "This invitation was taken back", "Ask your help desk for another one.", "Done"],
    invitation_unknown: ["bad", "There is no such invitation", "Is the link whole? Scan the code again, or ask your help desk for another one.", "Done"],
    no_passkeys: ["bad", "This browser has no passkeys", "Use the phone’s own browser, in its newest version.", "Done"],
    no_party: ["bad", "This server has no name", "Passkeys work with a name alone, and this server has an address. Tell your help desk.", "Done"],
    too_many: ["warn", "Too many requests", "Wait a moment, then try again.", "Try again"],
    foreign: ["bad", "This came from another site", "Nothing was done.", "Back"],
    offline: ["warn", "The server cannot be reached", "Is this phone online? The page tries again by itself.", "Try again"],
    server: ["bad", "Something went wrong on the server", "Nothing was done. Try again; if it stays, tell your help desk.", "Try again"]
  };

  function screen(name) {
    var shown = null;
    document.querySelectorAll("[data-screen]").forEach(function (s) {
      var here = s.dataset.screen === name;
      if (here && s.hidden) { shown = s; }
      s.hidden = !here;
    });
    document.body.dataset.at = name;
    clearInterval(ticking);
    if (shown) {
      shown.querySelectorAll(".says").forEach(function (p) { p.textContent = ""; });
      shown.querySelector("h1").focus();
      document.title = shown.querySelector("h1").textContent + " · Latchkey";
    }
  }

  function fill(name, text) {
    document.querySelectorAll("[data-fill=" + name + "]").forEach(function (e) { e.textContent = text; });
  }

  // say shows what has happened, until the person goes on or something new waits.
  function say(code) {
    var words = says[code] || says.server;
    id("heading").textContent = words[1];
    id("message").className = "note " + words[0];
    id("message").firstElementChild.textContent = words[2];
    id("on").textContent = words[3];
    stay = code !== "offline";
    asked = null;
    screen("message");
    document.title = words[1] + " · Latchkey";
    document.body.dataset.code = code;
  }

  // ask sends what there is to the server. A refusal has its code.
  function ask(path, body) {
    var how = body === undefined ? {} : { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
    how.credentials = "same-origin";
    how.cache = "no-store";
    return fetch(at + path, how).catch(function () { throw { code: "offline" }; }).then(function (r) {
      return r.json().catch(function () { throw { code: "server" }; }).then(function (v) {
        if (!r.ok) { throw { code: v.error, state: v.state, reason: v.reason }; }
        return v;
      });
    });
  }

  function failed(e) {
    if (e.code === "locked") { stay = false; load(); return; }
    if (e.code === "ended") { say(ending(e, true)); return; }
    if (e.code === "offline") { retry(); }
    say(e.code || "server");
  }

  function retry() {
    clearTimeout(retrying);
    retrying = setTimeout(function () { stay = false; load(); }, 3000);
  }

  // load asks for the state and shows it.
  function load() {
    return ask("state").then(show).catch(failed);
  }

  function ending(e, mine) {
    if (e.state === "EXPIRED") { return "late"; }
    if (e.state === "SUPERSEDED") { return "newer"; }
    if (e.state === "VOIDED") { return "gone"; }
    if (e.here) { return "again"; }
    if (e.state === "REFUSED") { return e.reason === "WRONG_NUMBER" ? "wrong_number" : "elsewhere_no"; }
    return mine && e.here ? "again" : "elsewhere_yes";
  }

  function show(s) {
    clearTimeout(locking);
    clearTimeout(retrying);
    id("phone").textContent = s.phone || "";
    fill("login", s.login || "");
    listen(s.state === "locked" || s.state === "unlocked");
    if (s.state === "unlocked") { locking = setTimeout(load, s.seconds * 1000); unlocked(s); return; }
    asked = null;
    if (s.state === "locked") {
      id("something").hidden = !s.waiting;
      id("nothing").hidden = s.waiting;
      if (s.waiting || !stay) { stay = false; screen("locked"); }
      if (s.waiting) { document.title = "A sign-in waits for you · Latchkey"; }
      return;
    }
    if (s.state === "removed" || s.state === "key_ready") { say(s.state); return; }
    if (stay) { return; }
    screen(s.state === "enrolling" ? (s.kind === "push" ? "enrol-phone" : "enrol-key") : "none");
  }

  function unlocked(s) {
    var waits = (s.pushes || [])[0];
    if (waits) { question(waits); return; }
    if (asked) {
      var was = (s.ended || []).find(function (e) { return e.id === asked; });
      say(was ? ending(was, false) : "gone");
      return;
    }
    if (stay) { return; }
    stopped(s);
    notifications(s.webPush);
    screen("quiet");
  }

  function stopped(s) {
    var text = "";
    if (s.stopped === "blocked") { text = "Requests are stopped: you said of one that it was not you. Call your help desk, who let them go again."; }
    if (s.stopped === "paused") { text = "Requests are stopped until " + clock(s.until) + ": too many were refused or not answered. Was it not you who signed in? Call your help desk."; }
    id("stopped").hidden = !text;
    id("stopped").firstElementChild.textContent = text;
  }

  function clock(when) { return new Date(when).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" }); }

  function question(q) {
    stay = false;
    var until = Date.now() + q.seconds * 1000;
    if (asked !== q.id) {
      asked = q.id;
      id("number").value = "";
      document.querySelector("#answer .says").textContent = "";
    }
    fill("who", q.login);
    fill("mac", q.mac);
    fill("serial", q.serial === q.mac ? "" : q.serial);
    fill("when", clock(q.askedAt) + ", now");
    fill("from", q.from || "not known");
    id("number-field").hidden = !q.number;
    id("number").required = q.number;
    screen("asks");
    var count = function () {
      var left = Math.max(0, Math.round((until - Date.now()) / 1000)), since = Math.round((Date.now() - new Date(q.askedAt)) / 60000);
      fill("left", left + " seconds left");
      fill("when", clock(q.askedAt) + (since > 0 ? ", " + since + " min ago" : ", now"));
    };
    count();
    ticking = setInterval(count, 1000);
  }

  // listen has the server tell when something is new.
  function listen(on) {
    if (!on) {
      if (stream) { stream.close(); }
      stream = null;
      return;
    }
    if (stream && stream.readyState !== EventSource.CLOSED) { return; }
    stream = new EventSource(at + "events");
    stream.addEventListener("news", load);
    stream.addEventListener("error", function () { setTimeout(load, 1000); });
  }

  // Passkeys: the server's options go to the browser, its answer goes back.
  function bytes(text) {
    var raw = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(raw, function (c) { return c.charCodeAt(0); });
  }
  function text(buffer) {
    var raw = String.fromCharCode.apply(null, new Uint8Array(buffer));
    return btoa(raw).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }
  function ids(list) { return (list || []).map(function (c) { c.id = bytes(c.id); return c; }); }

  function authenticator(options) {
    var key = options.publicKey;
    key.challenge = bytes(key.challenge);
    if (!key.user) {
      key.allowCredentials = ids(key.allowCredentials);
      return navigator.credentials.get({ publicKey: key });
    }
    key.user.id = bytes(key.user.id);
    key.excludeCredentials = ids(key.excludeCredentials);
    return navigator.credentials.create({ publicKey: key });
  }

  function plain(c) {
    var r = c.response, out = { clientDataJSON: text(r.clientDataJSON) };
    ["attestationObject", "authenticatorData", "signature", "userHandle"].forEach(function (name) {
      if (r[name]) { out[name] = text(r[name]); }
    });
    if (r.getTransports) { out.transports = r.getTransports(); }
    return { id: c.id, rawId: text(c.rawId), type: c.type, response: out, clientExtensionResults: c.getClientExtensionResults() };
  }

  // ceremony asks the authenticator, with the form's button held meanwhile.
  function ceremony(form, challenge, send) {
    var words = form.querySelector(".says"), button = form.querySelector("button");
    if (!window.PublicKeyCredential) { say("no_passkeys"); return; }
    button.disabled = true;
    words.textContent = "";
    ask(challenge, {}).then(authenticator).then(function (c) { return send(plain(c)); }).then(function (s) { stay = false; show(s); }).catch(function (e) {
      if (typeof e.code === "string") { failed(e); return; }
      if (e.name === "InvalidStateError") { ask("enrol/duplicate", {}).catch(failed); return; }
      words.textContent = "That did not work, or was cancelled. Try again.";
    }).then(function () { button.disabled = false; });
  }

  function enrols(form, name) {
    form.addEventListener("submit", function (e) {
      e.preventDefault();
      ceremony(form, "enrol/challenge", function (c) { return ask("enrol", { name: id(name).value, credential: c }); });
    });
  }
  enrols(id("enrol-phone"), "phone-name");
  enrols(id("enrol-key"), "key-name");

  document.querySelectorAll(".leave").forEach(function (b) {
    b.addEventListener("click", function () { ask("enrol/leave", {}).then(show).catch(failed); });
  });

  id("unlock").addEventListener("submit", function (e) {
    e.preventDefault();
    ceremony(id("unlock"), "unlock/challenge", function (c) { return ask("unlock", { credential: c }); });
  });

  id("lock").addEventListener("click", function () { ask("lock", {}).then(show).catch(failed); });
  id("on").addEventListener("click", function () { stay = false; load(); });

  // answer sends yes or no to the push that is on the screen.
  function answer(how, body, code) {
    var push = asked, buttons = id("answer").querySelectorAll("button");
    buttons.forEach(function (b) { b.disabled = true; });
    ask("pushes/" + encodeURIComponent(push) + "/" + how, body).then(function (s) {
      asked = null;
      say(code);
      show(s);
    }).catch(function (e) {
      if (e.code === "number") { document.querySelector("#answer .says").textContent = "Type the two digits that the Mac shows."; return; }
      if (e.code === "locked") { asked = null; }
      failed(e);
    }).then(function () { buttons.forEach(function (b) { b.disabled = false; }); });
  }
  id("answer").addEventListener("submit", function (e) { e.preventDefault(); answer("approve", { number: id("number").value }, "approved"); });
  id("deny").addEventListener("click", function () { answer("deny", {}, "denied"); });
  id("not-me").addEventListener("click", function () { answer("not-me", {}, "notme"); });

  function open(code) {
    return ask("invitation", { code: code }).then(function (s) { stay = false; show(s); }).catch(failed);
  }
  id("paste").addEventListener("submit", function (e) {
    e.preventDefault();
    open(id("invitation").value.trim().split("#").pop());
    id("invitation").value = "";
  });

  // Notifications, where the org has them and the browser can.
  var worker = "serviceWorker" in navigator ? navigator.serviceWorker.register(at + "sw.js", { scope: at }) : Promise.reject(new Error("no service worker"));
  worker.catch(function () { document.body.dataset.worker = "none"; });

  function notifications(w) {
    var can = w.key && "PushManager" in window && "serviceWorker" in navigator;
    id("notifications").hidden = !can;
    id("notify").textContent = w.subscribed ? "Do not notify this phone any more" : "Notify this phone";
    id("notify").onclick = function () {
      var words = id("notifications").querySelector(".says");
      words.textContent = "";
      var done = w.subscribed ? ask("subscription/remove", {}) : worker.then(function () { return navigator.serviceWorker.ready; }).then(function (r) {
        return r.pushManager.subscribe({ userVisibleOnly: true, applicationServerKey: bytes(w.key) });
      }).then(function (sub) { return ask("subscription", sub.toJSON()); });
      done.then(show).catch(function (e) {
        if (e.code === "web_push_service") { words.textContent = "Your org does not use the notification service of this browser."; return; }
        if (typeof e.code === "string") { failed(e); return; }
        words.textContent = "This browser does not allow it. Look at its settings for this site.";
      });
    };
  }

  function begin() {
    var code = location.hash.slice(1);
    if (!code) { load(); return; }
    // It is used up: nobody who looks at the address later has to wonder.
    history.replaceState(null, "", at);
    open(code);
  }
  window.addEventListener("hashchange", begin);
  document.addEventListener("visibilitychange", function () { if (!document.hidden && !location.hash) { load(); } });
  begin();
})();
