package main

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
	"unicode"
)

// FuzzAnswer: nothing that a server, or a Mac through it, says can move the
// help desk's cursor or make a line of its own.
func FuzzAnswer(f *testing.F) {
	f.Add(403, []byte(`{"errorSummary":"no\u001b[2Jyes","reason":"own_account","errorId":"e"}`))
	f.Add(200, []byte(`{"id":"d","profile":{"displayName":"a\nb\u202e","serialNumber":"C02"},"seq":18446744073709551615}`))
	f.Add(502, []byte(`<html>`))
	f.Add(404, []byte(`{"errorSummary":"`+strings.Repeat("x", 9000)+`"}`))
	f.Fuzz(func(t *testing.T, status int, raw []byte) {
		var d device
		if read(raw, &d) == nil {
			plain(t, d.ID, d.Profile.DisplayName, d.Profile.SerialNumber, d.label(), d.Status)
		}
		if status < 300 || status > 999 {
			return
		}
		resp := &http.Response{StatusCode: status, Status: http.StatusText(status), Request: &http.Request{URL: &url.URL{Host: "server"}}}
		plain(t, answerError(resp, raw).Error())
	})
}

func plain(t *testing.T, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if strings.ContainsFunc(text, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%q would go to a terminal", text)
		}
	}
}
