package org

import (
	"net/url"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// RelyingParty is the org's origin as a browser has it, if a security key may
// sign for that relying party there: its id is the org's host, or a domain above
// it that can be registered (WebAuthn, "relying party identifier").
func (o *Org) RelyingParty(id string) (origin string, ok bool) {
	settings, ok := o.o.Settings()
	if !ok {
		return "", false
	}
	at, err := url.Parse(settings.URL)
	if err != nil || at.Hostname() == "" || !mayBe(at.Hostname(), id) {
		return "", false
	}
	return "https://" + strings.ToLower(at.Host), true
}

func mayBe(host, id string) bool {
	host, id = strings.ToLower(host), strings.ToLower(id)
	if host == id {
		return true
	}
	registered, err := publicsuffix.EffectiveTLDPlusOne(host)
	return err == nil && strings.HasSuffix(host, "."+id) && (id == registered || strings.HasSuffix(id, "."+registered))
}
