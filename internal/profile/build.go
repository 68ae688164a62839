package profile

import (
	"errors"
	"fmt"
	"strings"

	"github.com/google/uuid"

	"github.com/latchkey-mfa/latchkey/internal/plist"
	"github.com/latchkey-mfa/latchkey/internal/policy"
)

// Request is what a profile is made of.
type Request struct {
	For          MDM
	Settings     Settings
	Organization string // may be empty
	Name         string // "Desktop MFA" unless it is set

	// Companions go into a configuration profile beside the settings.
	SCEP              *SCEP
	ServiceManagement bool
	LoginWindow       bool
	OnlyCompanions    bool // no settings: for consoles that take those in another form
}

// ErrCompanions is a request for companion payloads in a shape that holds one
// payload.
var ErrCompanions = errors.New("companion payloads need a configuration profile")

// New makes what a console takes. UUIDs are name-based (version 5, over org
// URL, client id, the profile's name and the kind of payload): the same input
// makes the same ones, so that a console sees a new version of a profile and not
// a second one. A pilot's profile beside the others' has a name of its own.
func New(r Request) ([]byte, error) {
	if r.Name == "" {
		r.Name = "Desktop MFA"
	}
	var settings plist.Value
	if !r.OnlyCompanions {
		var err error
		if settings, err = r.Settings.checked(); err != nil {
			return nil, err
		}
	}
	companions, err := r.companions()
	switch {
	case err != nil:
		return nil, err
	case r.For.Shape() != MobileConfig && (len(companions) > 0 || r.OnlyCompanions):
		return nil, ErrCompanions
	case r.OnlyCompanions && len(companions) == 0:
		return nil, errors.New("a profile of companions alone has none")
	}
	named := naming{org: r.Settings["DMFAOrgURL"].Text, client: r.Settings["DMFAClientID"].Text, organization: r.Organization, name: r.Name}
	return r.For.shaped(settings, companions, named)
}

// shaped puts settings and companions into the shape of a console.
func (m MDM) shaped(settings plist.Value, companions []plist.Value, n naming) ([]byte, error) {
	switch m.Shape() {
	case List:
		return encode(settings)
	case Fragment:
		return encodeFragment(n.preferences(settings))
	}
	var payloads []plist.Value
	if settings.Kind == plist.Dict {
		payloads = append(payloads, n.preferences(settings))
	}
	for _, c := range companions {
		payloads = append(payloads, n.payload(c))
	}
	return encode(n.profile(payloads))
}

// naming is what UUIDs and identifiers are made from.
type naming struct {
	org, client, organization, name string
}

// id is the UUID of a kind of payload.
func (n naming) id(kind string) string {
	space := uuid.NewSHA1(uuid.NameSpaceDNS, []byte("profile.latchkey.dev"))
	return strings.ToUpper(uuid.NewSHA1(space, []byte(n.org+"\n"+n.client+"\n"+n.name+"\n"+kind)).String())
}

func entry(key string, v plist.Value) plist.Entry { return plist.Entry{Key: key, Value: v} }

func textValue(s string) plist.Value { return plist.Value{Kind: plist.String, Text: s} }

func truth(b bool) plist.Value { return plist.Value{Kind: plist.Boolean, Bool: b} }

func dict(entries ...plist.Entry) plist.Value {
	return plist.Value{Kind: plist.Dict, Entries: entries}
}

func array(items ...plist.Value) plist.Value { return plist.Value{Kind: plist.Array, Items: items} }

// preferences is the payload that forces settings.
func (n naming) preferences(settings plist.Value) plist.Value {
	forced := dict(entry("mcx_preference_settings", settings))
	return n.payload(dict(
		entry("PayloadType", textValue(managedClient)),
		entry("PayloadDisplayName", textValue(n.name+" settings")),
		entry("PayloadContent", dict(entry(policy.Domain, dict(entry("Forced", array(forced)))))),
	))
}

// payload gives a payload its names.
func (n naming) payload(v plist.Value) plist.Value {
	kind := stringOf(v, "PayloadType")
	if kind == managedClient {
		// Preferences differ by domain: two payloads of the type are two kinds.
		content, _ := v.Get("PayloadContent")
		kind += " " + content.Value.Entries[0].Key
	}
	id := n.id(kind)
	v.Entries = append(v.Entries,
		entry("PayloadEnabled", truth(true)),
		entry("PayloadIdentifier", textValue("dev.latchkey.profile."+id)),
		entry("PayloadUUID", textValue(id)),
		entry("PayloadVersion", plist.WholeNumber(false, 1)))
	return v
}

func (n naming) profile(payloads []plist.Value) plist.Value {
	kinds := make([]string, len(payloads))
	for i, p := range payloads {
		kinds[i] = stringOf(p, "PayloadUUID")
	}
	kind := configuration
	if len(payloads) > 0 && stringOf(payloads[0], "PayloadDisplayName") != n.name+" settings" {
		kind += " of companions " + strings.Join(kinds, " ") // beside the settings' own profile
	}
	id := n.id(kind)
	out := dict(
		entry("PayloadContent", array(payloads...)),
		entry("PayloadDisplayName", textValue(n.name)),
		entry("PayloadIdentifier", textValue("dev.latchkey.profile."+id)),
	)
	if n.organization != "" {
		out.Entries = append(out.Entries, entry("PayloadOrganization", textValue(n.organization)))
	}
	out.Entries = append(out.Entries,
		entry("PayloadRemovalDisallowed", truth(true)),
		entry("PayloadScope", textValue("System")),
		entry("PayloadType", textValue(configuration)),
		entry("PayloadUUID", textValue(id)),
		entry("PayloadVersion", plist.WholeNumber(false, 1)))
	return out
}

// checked is the dictionary of the settings, in the order of the docs; an
// error when a Mac would not take them.
func (s Settings) checked() (plist.Value, error) {
	out := plist.Value{Kind: plist.Dict}
	for _, d := range policy.Definitions() {
		if v, there := s[d.Key]; there {
			out.Entries = append(out.Entries, entry(d.Key, v))
		}
	}
	_, problems := policy.FromDocument(plist.Document{Format: plist.XML, Root: out})
	if !problems.Failed() {
		return out, nil
	}
	var wrong []string
	for _, p := range problems {
		if p.Severity == policy.Error {
			wrong = append(wrong, p.String())
		}
	}
	return plist.Value{}, fmt.Errorf("a Mac would not take these settings: %s", strings.Join(wrong, "; "))
}
