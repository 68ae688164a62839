package profile

import (
	"errors"
	"fmt"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/plist"
	"github.com/latchkey-mfa/latchkey/internal/policy"
)

// ErrNoSettings is a profile without settings of ours.
var ErrNoSettings = errors.New("the profile has no settings for " + policy.Domain)

// Convert writes the settings of a profile in another shape. All settings go
// along, also those that nobody knows. Where payloads of other vendors, or
// settings of other domains, would be lost, it refuses and names them. What it
// writes is not signed.
func Convert(p *Profile, to Shape) ([]byte, error) {
	if to == p.Shape {
		return p.same()
	}
	if err := p.movable(); err != nil {
		return nil, err
	}
	if lost := p.others(); len(lost) > 0 {
		return nil, fmt.Errorf("as %s, this would be lost: %s", to.Describe(), strings.Join(lost, "; "))
	}
	settings := p.Settings()
	if to == List {
		return encode(settings)
	}
	n := naming{org: stringOf(settings, "DMFAOrgURL"), client: stringOf(settings, "DMFAClientID"), organization: stringOf(p.Root, "PayloadOrganization"), name: "Desktop MFA"}
	payload := n.preferences(settings)
	if p.Shape == Fragment {
		payload = complete(p.Root, payload)
	} else if p.Shape == MobileConfig {
		payload = complete(p.payloads()[p.places[0].payload], payload)
	}
	if to == Fragment {
		return encodeFragment(payload)
	}
	return encode(n.profile([]plist.Value{payload}))
}

// same writes a profile anew, with all that is in it.
func (p *Profile) same() ([]byte, error) {
	if p.Shape == Fragment {
		return encodeFragment(p.Root)
	}
	return encode(p.Root)
}

// movable: there are settings, all where a Mac finds them, each said once.
func (p *Profile) movable() error {
	if len(p.places) == 0 {
		return ErrNoSettings
	}
	known := map[string]plist.Value{}
	for _, s := range p.places {
		if s.misplaced != "" {
			return errors.New(s.misplaced + ": `latchkey profile lint` shows where")
		}
		for _, e := range s.dict.Entries {
			if before, twice := known[e.Key]; twice && !alike(before, e.Value) {
				return fmt.Errorf("%s has two values in this profile, and one would be lost", quoted(e.Key))
			}
			known[e.Key] = e.Value
		}
	}
	return nil
}

// others are what a profile holds beside our settings, in words.
func (p *Profile) others() (lost []string) {
	mine := map[int]bool{}
	for _, s := range p.places {
		mine[s.payload] = true
	}
	for i, payload := range p.payloads() {
		if !mine[i] {
			lost = append(lost, fmt.Sprintf("payload %d (%s)", i+1, shortened(stringOf(payload, "PayloadType"))))
			continue
		}
		content, _ := payload.Get("PayloadContent")
		for _, domain := range content.Value.Entries {
			if domain.Key != policy.Domain {
				lost = append(lost, "the settings of "+shortened(domain.Key))
				continue
			}
			for _, other := range domain.Value.Entries {
				if other.Key != "Forced" {
					lost = append(lost, shortened(other.Key)+" of "+policy.Domain)
				}
			}
		}
	}
	return lost
}

// complete keeps the names that a payload had, so that a console sees the same
// payload, and gives it those that were missing.
func complete(old, fresh plist.Value) plist.Value {
	for i, e := range fresh.Entries {
		if before, there := old.Get(e.Key); there && e.Key != "PayloadContent" && e.Key != "PayloadType" {
			fresh.Entries[i].Value = before.Value
		}
	}
	return fresh
}
