// Keeps the page for when there is no network, and shows that something waits.
// No answer of the server's is kept: only the files.
"use strict";
var SHELL = "latchkey-1";
var FILES = ["/authenticator/", "/authenticator/app.js", "/authenticator/phone.css", "/assets/style.css", "/authenticator/icon.svg", "/authenticator/icon-192.png"];

self.addEventListener("install", function (e) {
  e.waitUntil(caches.open(SHELL).then(function (c) { return c.addAll(FILES); }).then(function () { return self.skipWaiting(); }));
});

self.addEventListener("activate", function (e) {
  e.waitUntil(caches.keys().then(function (names) {
    return Promise.all(names.filter(function (n) { return n !== SHELL; }).map(function (n) { return caches.delete(n); }));
  }).then(function () { return self.clients.claim(); }));
});

// The newest file where there is a network, else the one that was kept.
self.addEventListener("fetch", function (e) {
  var at = new URL(e.request.url);
  if (e.request.method !== "GET" || at.origin !== self.location.origin || FILES.indexOf(at.pathname) < 0) { return; }
  e.respondWith(fetch(e.request).then(function (r) {
    if (r.ok) { var copy = r.clone(); caches.open(SHELL).then(function (c) { return c.put(at.pathname, copy); }); }
    return r;
  }).catch(function () { return caches.match(at.pathname); }));
});

self.addEventListener("push", function (e) {
  e.waitUntil(self.registration.showNotification("A sign-in waits for you", { body: "Open it to see who asks. Was it not you? Then say so there.",
    tag: "latchkey", renotify: true, requireInteraction: true, icon: "/authenticator/icon-192.png", badge: "/authenticator/icon-192.png" }));
});

self.addEventListener("notificationclick", function (e) {
  e.notification.close();
  e.waitUntil(self.clients.matchAll({ type: "window", includeUncontrolled: true }).then(function (open) {
    var page = open.find(function (c) { return new URL(c.url).pathname === "/authenticator/"; });
    return page ? page.focus() : self.clients.openWindow("/authenticator/");
  }));
});
