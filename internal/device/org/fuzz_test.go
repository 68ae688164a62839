package org

import (
	"net/url"
	"testing"
)

// FuzzDeviceURL: whatever answers at the well-known address, only an https
// address without credentials is taken for a device listener.
func FuzzDeviceURL(f *testing.F) {
	f.Add(200, []byte(`{"device_url":"https://devices.acme.example/"}`))
	f.Add(200, []byte(`{"device_url":"http://devices.acme.example"}`))
	f.Add(200, []byte(`{"device_url":"https://user:pass@acme.example?x"}`))
	f.Add(404, []byte(`<html>`))
	f.Fuzz(func(t *testing.T, status int, raw []byte) {
		got := deviceURL(status, raw)
		if got == "" {
			return
		}
		at, err := url.Parse(got)
		if err != nil || status != 200 || at.Scheme != "https" || at.Host == "" || at.User != nil {
			t.Errorf("%d %q leads to %q", status, raw, got)
		}
	})
}
