package checkin

import (
	"net/http"
	"reflect"
	"testing"
	"time"
	"unicode"

	"github.com/latchkey-mfa/latchkey/internal/device/store/storetest"
)

// FuzzRecord: what was read of the check-in's record is what is kept of it.
func FuzzRecord(f *testing.F) {
	f.Add([]byte(`{"seq":7,"url":"https://device.example","token":"t","device_id":"dev1","answered":"2026-11-24T09:00:00Z"}`))
	f.Add([]byte(`{"seq":-1}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		state := KeptIn(storetest.With(map[string][]byte{recordKey: raw}))
		r, err := state.Load()
		if err != nil {
			if r != (Record{}) {
				t.Errorf("%v with %+v", err, r)
			}
			return
		}
		if state.Save(r) != nil {
			return // a year that JSON's form of time cannot hold
		}
		again, err := state.Load()
		if err != nil || again.Seq != r.Seq || again.URL != r.URL || again.Token != r.Token || again.DeviceID != r.DeviceID || !again.Answered.Equal(r.Answered) {
			t.Errorf("%v came back as %v, %v", r, again, err)
		}
	})
}

// FuzzRefusal: what a server that is none says reaches logs and the terminal,
// so it is short and printable, and never makes the Mac wait beyond reason.
func FuzzRefusal(f *testing.F) {
	f.Add(409, "3", []byte(`{"errorSummary":"replayed","reason":"sequence","lastSeq":7}`))
	f.Add(502, "999999999999", []byte("<html>\x1b[2J"))
	f.Add(200, "-1", []byte(`{"errorSummary":"a\u0000b\nc"}`))
	f.Fuzz(func(t *testing.T, status int, retry string, raw []byte) {
		r := refusal(status, http.Header{"Retry-After": {retry}}, raw)
		for _, text := range []string{r.Reason, r.Summary, r.Error()} {
			for _, c := range text {
				if !unicode.IsPrint(c) {
					t.Errorf("%q would go to a terminal", text)
				}
			}
			if len([]rune(text)) > 500 {
				t.Errorf("%d characters", len([]rune(text)))
			}
		}
		if r.RetryAfter < 0 || r.RetryAfter > 1<<31*time.Second {
			t.Errorf("waits for %s", r.RetryAfter)
		}
	})
}

// FuzzWellKnown: of what a server says of its device listener, only an https
// address with nothing else in it is taken.
func FuzzWellKnown(f *testing.F) {
	for _, seed := range []string{"https://device.example:8443", "https://a:b@c", "https://", "http://x", "https://x/?y", "https://x/#", "//x"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if err := httpsURL(text); err != nil {
			return
		}
		req, err := http.NewRequest(http.MethodPost, text, nil)
		if err != nil || req.URL.Scheme != "https" || req.URL.Host == "" || req.URL.User != nil || req.URL.RawQuery != "" {
			t.Errorf("took %q: %v", text, err)
		}
		if !reflect.DeepEqual(req.Header, http.Header{}) {
			t.Errorf("%q has headers %v", text, req.Header)
		}
	})
}
