package authenticator_test

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/serviceworker"
	"github.com/chromedp/chromedp"

	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// isCalled has a message of Web Push reach the page's service worker, as the
// browser brings it, and sees what it shows.
func (b *tab) isCalled() {
	b.t.Helper()
	h := b.h
	h.Update(func(tx *sql.Tx) error {
		return directory.SaveAuthenticatorSettings(b.t.Context(), tx, directory.Authenticators{WebPush: true})
	})
	found := make(chan serviceworker.RegistrationID, 100)
	h.must(chromedp.Listen(b.ctx, func(ev any) {
		if e, is := ev.(*serviceworker.EventWorkerRegistrationUpdated); is {
			for _, r := range e.Registrations {
				if r.ScopeURL == h.url+"/authenticator/" && !r.IsDeleted {
					found <- r.RegistrationID
				}
			}
		}
	}))
	_, err := chromedp.Call(b.ctx, serviceworker.Enable, cdp.Empty{})
	_, err2 := chromedp.CallBrowser(b.ctx, browser.SetPermission, browser.SetPermissionParams{Permission: &browser.PermissionDescriptor{Name: "notifications"}, Setting: browser.PermissionSettingGranted, Origin: h.url})
	h.must(errors.Join(err, err2))
	b.opens(h.url + "/authenticator/")
	b.sees("quiet-notify", "Nothing waits", "Notify this phone", "learns that a sign-in waits, not whose")
	b.subscribes()
	ask[int](b, `(function () { navigator.serviceWorker.ready.then(function (r) { window.worker = r; }); return 0; })()`)
	b.until(`!!(window.worker && window.worker.active && window.worker.active.state === "activated")`)
	b.delivered(found)
	if got := ask[string](b, `window.shown`); got != "A sign-in waits for you|Open it to see who asks. Was it not you? Then say so there." {
		b.t.Errorf("the notification says %q", got)
	}
	h.Update(func(tx *sql.Tx) error {
		return directory.SaveAuthenticatorSettings(b.t.Context(), tx, directory.Authenticators{})
	})
}

// delivered is once a message has come through: the browser drops one for a
// worker that it is still taking over.
func (b *tab) delivered(found <-chan serviceworker.RegistrationID) {
	b.t.Helper()
	at := <-found
	for range 10 {
		for len(found) > 0 {
			at = <-found
		}
		_, err := chromedp.Call(b.ctx, serviceworker.DeliverPushMessage, serviceworker.DeliverPushMessageParams{Origin: b.h.url, RegistrationID: at, Data: `{"waiting":true}`})
		b.h.must(err)
		ctx, stop := context.WithTimeout(b.ctx, 3*time.Second)
		_, err = chromedp.Run(ctx, chromedp.Poll[bool](`(function () { window.worker.getNotifications().then(function (n) { window.shown = n.map(function (x) { return x.title + "|" + x.body; }).join(); }); return !!window.shown; })()`))
		stop()
		if err == nil {
			return
		}
	}
	b.t.Fatal("no notification is shown")
}

// subscribes presses the button. No push service of a browser is reached from a
// test: what it would have answered stands in for that one call.
func (b *tab) subscribes() {
	b.t.Helper()
	const point = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4"
	ask[int](b, `(function () { PushManager.prototype.subscribe = function (o) { window.asked = o.applicationServerKey.length + " " + o.userVisibleOnly;
		return Promise.resolve({ toJSON: function () { return { endpoint: "https://fcm.googleapis.com/fcm/send/x", expirationTime: null, keys: { p256dh: "`+point+`", auth: "BTBZMqHH6r4Tts7J_aSIgg" } }; } }); }; return 0; })()`)
	b.presses("Notify this phone")
	b.until(`document.getElementById("notify").textContent === "Do not notify this phone any more"`)
	if got := ask[string](b, `window.asked`); got != "65 true" {
		b.t.Errorf("the browser was asked with %q", got)
	}
	if e := b.h.told(systemlog.WebPushSubscribe, ""); e.Detail["service"] != "fcm.googleapis.com" {
		b.t.Errorf("%+v", e)
	}
	b.presses("Do not notify this phone any more")
	b.until(`document.getElementById("notify").textContent === "Notify this phone"`)
	b.h.told(systemlog.WebPushDrop, "UNSUBSCRIBED")
}

// offline has no network: what was open says so, and so does what is opened.
func (b *tab) offline() {
	b.t.Helper()
	cut := func(off bool) {
		b.t.Helper()
		_, err := chromedp.Call(b.ctx, network.Enable, network.EnableParams{})
		_, err2 := chromedp.Call(b.ctx, network.EmulateNetworkConditionsByRule, network.EmulateNetworkConditionsByRuleParams{EmulateOfflineServiceWorker: &off,
			MatchedNetworkConditions: []*network.Conditions{{Offline: off, DownloadThroughput: -1, UploadThroughput: -1}}})
		b.h.must(errors.Join(err, err2))
	}
	cut(true)
	b.presses("Unlock with this phone’s passkey")
	b.sees("offline", "The server cannot be reached", "tries again by itself")
	b.opens(b.h.url + "/authenticator/") // the service worker has kept it
	b.sees("offline", "The server cannot be reached")
	cut(false)
	b.sees("locked", "Locked")
}
