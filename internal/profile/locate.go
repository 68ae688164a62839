package profile

import (
	"slices"
	"strconv"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/plist"
	"github.com/latchkey-mfa/latchkey/internal/policy"
)

// settings is a dictionary of our settings, and whether it stands where a Mac
// looks for it.
type settings struct {
	payload   int // of the profile, or -1
	dict      plist.Value
	at        plist.Position // of what is wrong
	misplaced string         // why no Mac finds it; "" where it is right
	fix       string
	rename    *plist.Entry // whose name is wrong
	to        string       // its right name
}

// locate finds the settings in a profile, wherever they stand.
func locate(p *Profile) []settings {
	if p.Shape == List {
		if domain, there := p.Root.Get(policy.Domain); there && domain.Value.Kind == plist.Dict {
			return []settings{{payload: -1, dict: domain.Value, at: domain.At, misplaced: "the settings stand in " + policy.Domain + ", which a list of settings does not name",
				fix: "give the settings alone, and the domain's name in the console"}}
		}
		return []settings{{payload: -1, dict: p.Root}}
	}
	var found []settings
	keys := table()
	for i, payload := range p.payloads() {
		s := seeker{keys: keys, payload: i, typed: stringOf(payload, "PayloadType")}
		s.seek(payload, nil)
		found = append(found, s.found...)
	}
	if p.Shape == MobileConfig {
		s := seeker{keys: keys, payload: -1}
		s.look(p.Root, nil)
		found = append(found, s.found...)
	}
	return found
}

// stringOf is the string of a key, or nothing.
func stringOf(v plist.Value, key string) string {
	e, _ := v.Get(key)
	return e.Value.Text
}

// step leads from a value to one in it.
type step struct {
	entry plist.Entry // of a dictionary; without a value for an array
}

// seeker goes through one payload.
type seeker struct {
	keys    map[string]policy.Definition
	payload int
	typed   string
	found   []settings
}

func (s *seeker) seek(v plist.Value, path []step) {
	if s.look(v, path) {
		return
	}
	for _, e := range v.Entries {
		s.seek(e.Value, append(slices.Clone(path), step{e}))
	}
	for _, item := range v.Items {
		s.seek(item, append(slices.Clone(path), step{}))
	}
}

// look takes a dictionary of settings.
func (s *seeker) look(v plist.Value, path []step) bool {
	right := names(path) == "PayloadContent/"+policy.Domain+"/Forced/#/mcx_preference_settings" || len(path) == 0 && s.typed == policy.Domain
	if v.Kind != plist.Dict || !right && !s.ours(v) {
		return false
	}
	found := settings{payload: s.payload, dict: v, at: v.At}
	if len(path) == 0 {
		found.dict = withoutPayload(v)
	}
	if !right {
		found.misplace(path)
	}
	s.found = append(s.found, found)
	return true
}

// withoutPayload is a payload's dictionary without what makes it a payload.
func withoutPayload(v plist.Value) plist.Value {
	out := v
	out.Entries = nil
	for _, e := range v.Entries {
		if !strings.HasPrefix(e.Key, "Payload") {
			out.Entries = append(out.Entries, e)
		}
	}
	return out
}

func names(path []step) string {
	parts := make([]string, len(path))
	for i, s := range path {
		if parts[i] = s.entry.Key; s.entry.Value.Kind == 0 {
			parts[i] = "#"
		}
	}
	return strings.Join(parts, "/")
}

// ours: a dictionary that holds our settings, also when some are misspelt.
// Keys such as AdminEmail others may have as well.
func (s *seeker) ours(v plist.Value) bool {
	known := 0
	for _, e := range v.Entries {
		if strings.HasPrefix(strings.ToUpper(e.Key[:min(len(e.Key), 4)]), "DMFA") || strings.HasPrefix(e.Key, "Latchkey") {
			return true
		}
		if _, there := s.keys[e.Key]; there {
			known++
		}
	}
	return known > 1
}

// table is every key there is, by name.
func table() map[string]policy.Definition {
	all := map[string]policy.Definition{}
	for _, d := range policy.Definitions() {
		all[d.Key] = d
	}
	return all
}

// misplace says why a Mac does not find settings at a path, and what to do.
func (s *settings) misplace(path []step) {
	last := step{}
	if len(path) > 0 {
		last = path[len(path)-1]
	}
	s.fix = "put them into PayloadContent > " + policy.Domain + " > Forced > a <dict> > mcx_preference_settings"
	where := names(path)
	// The path as it should be, with one name in it that is another.
	want := []string{"PayloadContent", policy.Domain, "Forced", "#", "mcx_preference_settings"}
	if wrong := different(strings.Split(where, "/"), want); wrong >= 0 && want[wrong] != "#" {
		s.rename, s.to, s.at = &path[wrong].entry, want[wrong], path[wrong].entry.At
	}
	switch {
	case len(path) == 0:
		s.misplaced = "the settings stand directly in the payload"
	case last.entry.Key == "PayloadContent":
		s.misplaced = "the settings stand directly in PayloadContent, without their domain"
	case last.entry.Key == policy.Domain:
		s.misplaced = "the settings stand directly in the domain, without Forced and mcx_preference_settings"
	case s.to == "Forced" && (s.rename.Key == "Set-Once" || s.rename.Key == "Often"):
		s.misplaced = "the settings are " + strconv.Quote(s.rename.Key) + ", which people can change: only forced ones count"
		s.fix = "write Forced in place of " + s.rename.Key
	case s.to == policy.Domain:
		s.misplaced = "the settings stand in the domain " + quoted(s.rename.Key) + ", where nobody looks for them"
		s.fix = "the domain is " + policy.Domain
	case s.to != "":
		s.misplaced = quoted(s.rename.Key) + " should be " + s.to
		s.fix = "write " + s.to
	case where == "PayloadContent/"+policy.Domain+"/Forced/mcx_preference_settings":
		s.misplaced = "Forced is a dictionary, and should be an <array> with that dictionary in it"
		s.fix = "put <array> and </array> around it"
	case strings.HasSuffix(where, "/Forced/#"):
		s.misplaced = "the settings stand directly in Forced, without mcx_preference_settings"
	default:
		s.misplaced = "the settings stand where no Mac looks for them"
	}
	// A domain that is another product's can be meant; one that is nearly ours cannot.
	if s.to == policy.Domain && !near(s.rename.Key, policy.Domain) {
		s.rename = nil
	}
}

func near(written, meant string) bool {
	_, ok := policy.Nearest(written, []string{meant})
	return ok
}

// different is the only place at which two paths differ, or -1.
func different(path, want []string) int {
	at := -1
	if len(path) != len(want) {
		return -1
	}
	for i := range path {
		if path[i] != want[i] {
			if at >= 0 {
				return -1
			}
			at = i
		}
	}
	return at
}
