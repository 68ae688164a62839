package service

import (
	"fmt"
	"slices"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/device/trustedtime"
)

// written is a profile as an admin writes it, for the model to read in its own
// words.
type written struct {
	grace, offline  float64 // hours
	offlineAllowed  bool
	allowed         []string
	required, spare []string // MFARequiredList, MFANotRequiredList
}

func (w written) plist() string {
	list := func(key string, names []string) string {
		out := "<key>" + key + "</key><array>"
		for _, n := range names {
			out += "<string>" + n + "</string>"
		}
		return out + "</array>"
	}
	return `<plist><dict><key>DMFAClientID</key><string>id</string><key>DMFAClientSecret</key><string>s</string><key>DMFAOrgURL</key><string>https://org.example</string>` +
		fmt.Sprintf("<key>LoginPeriodWithoutEnrolledFactor</key><real>%g</real><key>LoginPeriodWithOfflineFactor</key><real>%g</real><key>OfflineLoginAllowed</key><%v/>", w.grace, w.offline, w.offlineAllowed) +
		list("AllowedFactors", w.allowed) + list("MFARequiredList", w.required) + list("MFANotRequiredList", w.spare) + "</dict></plist>"
}

// good: every factor is spelt as it is called.
func (w written) good() bool {
	for _, f := range w.allowed {
		if !slices.Contains([]string{"*", "OV_Push", "OV_TOTP", "Offline_TOTP", "FIDO2_USB_key", "Offline_Security_key"}, f) {
			return false
		}
	}
	return true
}

// needed: ada has to show a second factor.
func (w written) needed() bool {
	has := func(list []string) bool { return slices.Contains(list, "*") || slices.Contains(list, "ada") }
	return has(w.required) && !has(w.spare)
}

// factors are those that the profile shows, in its order.
func (w written) factors() (out []string) {
	named := w.allowed
	if slices.Contains(named, "*") {
		named = []string{"OV_Push", "OV_TOTP", "Offline_TOTP", "FIDO2_USB_key", "Offline_Security_key"}
	}
	for _, f := range named {
		if !byMac(f) || w.offlineAllowed && w.offline > 0 {
			out = append(out, f)
		}
	}
	return out
}

func (w written) has(f string) bool { return slices.Contains(w.factors(), f) }

// byMac: the Mac checks it, without the org.
func byMac(f string) bool { return f == "Offline_TOTP" || f == "Offline_Security_key" }

func hours(h float64) time.Duration { return time.Duration(h * float64(time.Hour)) }

// model is the key table and design §5, by what happened and nothing else: slow,
// and obvious.
type model struct {
	profile written

	first    time.Time   // the first governed login; zero before it
	onlines  []time.Time // logins, and linking, by the org
	enrolled time.Time   // the first enrolment of all
	phones   int         // that are set up now
	keys     int         // set up on this Mac now
	linked   bool
	ever     bool // had any factor
}

// offlineSince is when the offline period began.
func (m *model) offlineSince() (since time.Time) {
	for _, at := range append([]time.Time{m.enrolled}, m.onlines...) {
		if at.After(since) {
			since = at
		}
	}
	return since
}

// way is an entry of the list that a person sees.
type way struct {
	id string
	on bool // can be chosen
}

// ways are the list.
func (m *model) ways(now trustedtime.Reading, network bool) (out []way) {
	for _, f := range m.profile.factors() {
		switch {
		case f == "Offline_TOTP" && m.phones > 0, f == "Offline_Security_key" && m.keys > 0:
			since := m.offlineSince()
			out = append(out, way{f, now.Trusted() && !since.IsZero() && now.Time.Sub(since) < hours(m.profile.offline)})
		case !byMac(f) && m.linked:
			out = append(out, way{f, network})
		}
	}
	return out
}

// connect is the entry for linking.
func (m *model) connect(network bool) (out []way) {
	if !m.linked && (m.profile.has("OV_Push") || m.profile.has("OV_TOTP") || m.profile.has("FIDO2_USB_key")) {
		out = append(out, way{"link", network})
	}
	return out
}

// grace is what is left of it for an account without any factor.
func (m *model) grace(now trustedtime.Reading) time.Duration {
	if m.ever {
		return 0
	}
	return m.early(now)
}

// early is what is left of the time in which no offline factor is asked for.
func (m *model) early(now trustedtime.Reading) time.Duration {
	if !now.Trusted() || m.first.IsZero() {
		return 0
	}
	return max(0, hours(m.profile.grace)-now.Time.Sub(m.first))
}

// home is the first list, and the kind of its screen.
func (m *model) home(now trustedtime.Reading, network bool) (kind string, list []way) {
	ways, link := m.ways(now, network), m.connect(network)
	switch {
	case len(ways) > 0:
		return "choose", append(ways, link...)
	case m.grace(now) > 0:
		return "grace", append(link, m.setUps(now)...)
	case len(link) > 0 && link[0].on:
		return "choose", link
	}
	return "locked", link
}

// setUps is what can be set up here.
func (m *model) setUps(now trustedtime.Reading) (out []way) {
	for _, f := range m.profile.factors() {
		if now.Trusted() && (f == "Offline_TOTP" && m.phones < 5 || f == "Offline_Security_key" && m.keys < 5) {
			out = append(out, way{f, true})
		}
	}
	return out
}

// offered says what comes after the org has verified: nothing, an offer, or one
// that cannot be put off.
func (m *model) offered(now trustedtime.Reading) string {
	switch {
	case m.phones > 0 || m.keys > 0 || len(m.setUps(now)) == 0:
		return ""
	case m.early(now) > 0:
		return "may"
	}
	return "must"
}

// corrected: the server's time is known, and nothing was later than that.
func (m *model) corrected(now time.Time) {
	clamp := func(at *time.Time) {
		if at.After(now) {
			*at = now
		}
	}
	clamp(&m.first)
	clamp(&m.enrolled)
	for i := range m.onlines {
		clamp(&m.onlines[i])
	}
}
