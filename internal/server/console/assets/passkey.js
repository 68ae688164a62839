// Passkeys: the server's options go to the browser, its answer comes back in a
// hidden field of the same form.
(function () {
  "use strict";
  var button = document.querySelector("button[data-passkey]");
  if (!button || !window.PublicKeyCredential) { return; }
  button.classList.remove("hidden");
  var form = button.form;
  var words = document.getElementById("passkey-says");

  function bytes(text) {
    var raw = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(raw, function (c) { return c.charCodeAt(0); });
  }
  function text(buffer) {
    var raw = String.fromCharCode.apply(null, new Uint8Array(buffer));
    return btoa(raw).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }
  function ids(list) { return (list || []).map(function (c) { c.id = bytes(c.id); return c; }); }

  function answer(options) {
    var key = options.publicKey;
    key.challenge = bytes(key.challenge);
    if (key.user) {
      key.user.id = bytes(key.user.id);
      key.excludeCredentials = ids(key.excludeCredentials);
      return navigator.credentials.create({ publicKey: key });
    }
    key.allowCredentials = ids(key.allowCredentials);
    return navigator.credentials.get({ publicKey: key });
  }
  function plain(c) {
    var r = c.response, out = { clientDataJSON: text(r.clientDataJSON) };
    ["attestationObject", "authenticatorData", "signature", "userHandle"].forEach(function (name) {
      if (r[name]) { out[name] = text(r[name]); }
    });
    if (r.getTransports) { out.transports = r.getTransports(); }
    return JSON.stringify({ id: c.id, rawId: text(c.rawId), type: c.type, response: out, clientExtensionResults: c.getClientExtensionResults() });
  }

  button.addEventListener("click", function () {
    words.textContent = "Follow your browser.";
    fetch(button.dataset.passkey, { method: "POST", credentials: "same-origin" }).then(function (r) {
      if (!r.ok) { throw new Error("the server has no challenge for you; start again"); }
      return r.json();
    }).then(answer).then(function (credential) {
      form.querySelector("input[name=passkey]").value = plain(credential);
      form.submit();
    }).catch(function (e) { words.textContent = "That did not work: " + e.message; });
  });
})();
