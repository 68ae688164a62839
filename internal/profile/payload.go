package profile

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/plist"
	"github.com/latchkey-mfa/latchkey/internal/policy"
)

// payloads looks at what a profile is made of, and at the keys of each payload.
func (c *check) payloads() {
	p := c.profile
	if p.Shape == MobileConfig {
		c.profileKeys()
	}
	if p.Shape == List {
		return
	}
	for i, payload := range p.payloads() {
		where := fmt.Sprintf("payload %d", i+1)
		if payload.Kind != plist.Dict {
			c.found.add(payload.At, Finding{Rule: "payload", Problem: where + " is no dictionary", Allowed: "a <dict>"})
			continue
		}
		c.payload(i, payload, where)
	}
}

// profileKeys are those of the profile itself.
func (c *check) profileKeys() {
	root := c.profile.Root
	content, there := root.Get("PayloadContent")
	encrypted, hidden := root.Get("EncryptedPayloadContent")
	switch {
	case hidden:
		c.warn(encrypted.At, Finding{Rule: "encrypted", Key: encrypted.Key, Problem: "the payloads are encrypted for one Mac, and were not looked at", Fix: "look at the profile before it is encrypted"})
	case !there:
		c.found.add(root.At, Finding{Rule: "payload", Key: "PayloadContent", Problem: "it is missing: the profile has no payload", Fix: "add an <array> of payloads"})
	case content.Value.Kind == plist.Dict && stringOf(root, "PayloadType") == configuration:
		c.found.add(content.At, Finding{Rule: "payload", Key: "PayloadContent", Problem: "it is a dictionary", Allowed: "an <array> of payloads", Fix: "put <array> and </array> around it"})
	case content.Value.Kind != plist.Array:
		c.found.add(content.At, Finding{Rule: "payload", Key: "PayloadContent", Problem: "it is no <array> of payloads"})
	}
	c.must(root, "PayloadType", "the profile", configuration, policy.Error)
	c.version(root, "the profile")
	c.names(root, "the profile")
	c.scope(root)
	if e, there := root.Get("PayloadRemovalDisallowed"); there && e.Value.Kind == plist.Boolean && !e.Value.Bool {
		f := Finding{Rule: "removable", Key: e.Key, Problem: "people may remove the profile, and with it the second factor", Fix: "write <true/>"}
		c.warn(e.At, c.replace(f, e.Value.At, "<true/>"))
	}
}

// scope: settings of a user are not those of the daemon, which is of no user.
func (c *check) scope(root plist.Value) {
	e, there := root.Get("PayloadScope")
	switch {
	case !there:
		c.warn(root.At, Finding{Rule: "scope", Key: "PayloadScope", Problem: "it is missing, which means User when the profile is installed by hand", Allowed: "System", Fix: "add it with System"})
	case e.Value.Text != "System":
		f := Finding{Rule: "scope", Key: e.Key, Problem: "it is " + shownPlain(e.Value) + ": the settings would not reach the daemon", Allowed: "System", Fix: "write System"}
		c.found.add(e.At, c.replace(f, e.Value.At, stringElement("System")))
	}
}

// must is a key with one right value.
func (c *check) must(v plist.Value, key, what, want string, severity policy.Severity) {
	e, there := v.Get(key)
	switch {
	case !there:
		c.found.add(v.At, Finding{Rule: "payload-type", Key: key, Severity: severity, Problem: "it is missing in " + what, Allowed: want, Fix: "add it"})
	case e.Value.Text != want:
		f := Finding{Rule: "payload-type", Key: key, Severity: severity, Problem: "it is " + shownPlain(e.Value) + " in " + what, Allowed: want, Fix: "write " + want}
		if slip(e.Value.Text, want) {
			f = c.replace(f, e.Value.At, stringElement(want))
		}
		c.found.add(e.At, f)
	}
}

func (c *check) version(v plist.Value, what string) {
	e, there := v.Get("PayloadVersion")
	n, whole := e.Value.Int64()
	switch {
	case !there:
		c.found.add(v.At, Finding{Rule: "payload-version", Key: "PayloadVersion", Problem: "it is missing in " + what, Allowed: "<integer>1</integer>", Fix: "add it"})
	case !whole || n != 1:
		f := Finding{Rule: "payload-version", Key: "PayloadVersion", Severity: policy.Error, Problem: "it is " + shownPlain(e.Value) + " in " + what, Allowed: "<integer>1</integer>", Fix: "write <integer>1</integer>"}
		if whole { // of the format, but some count their own versions with it
			f.Severity = policy.Warning
			c.found.add(e.At, f)
			return
		}
		c.found.add(e.At, c.replace(f, e.Value.At, "<integer>1</integer>"))
	}
}

var uuidForm = regexp.MustCompile(`^[0-9A-Fa-f]{8}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{4}-[0-9A-Fa-f]{12}$`)

// names are what a profile and a payload are told apart by.
func (c *check) names(v plist.Value, what string) {
	e, there := v.Get("PayloadUUID")
	id := strings.ToUpper(e.Value.Text)
	const fresh = "make a fresh one, as with `uuidgen`"
	switch {
	case !there:
		c.found.add(v.At, Finding{Rule: "uuid", Key: "PayloadUUID", Problem: "it is missing in " + what, Fix: fresh})
	case placeholder(id) != "":
		c.found.add(e.At, Finding{Rule: "placeholder", Key: e.Key, Problem: "the template's placeholder in " + what + " was never filled in", Fix: fresh})
	case !uuidForm.MatchString(id) || strings.Trim(id, "0-") == "":
		c.found.add(e.At, Finding{Rule: "uuid", Key: e.Key, Problem: shownPlain(e.Value) + " in " + what + " is no UUID", Allowed: "like 53D4D13B-FAD1-49F7-A341-59A5AB2CCCA8", Fix: fresh})
	default:
		if c.linter.uuids == nil {
			c.linter.uuids = map[string]owner{}
		}
		c.unique(c.linter.uuids, id, e, what, "uuid-shared", "two with the same UUID replace each other: "+fresh)
	}
	identifier, there := v.Get("PayloadIdentifier")
	if !there || identifier.Value.Text == "" {
		c.found.add(v.At, Finding{Rule: "identifier", Key: "PayloadIdentifier", Problem: "it is missing in " + what, Fix: "add one, such as com.example.desktop-mfa"})
		return
	}
	if c.linter.identifiers == nil {
		c.linter.identifiers = map[string]owner{}
	}
	if !strings.EqualFold(identifier.Value.Text, id) { // else it was just said
		c.unique(c.linter.identifiers, identifier.Value.Text, identifier, what, "identifier-shared", "two with the same identifier replace each other: choose another")
	}
}

// unique remembers a name, or says where it was before.
func (c *check) unique(known map[string]owner, name string, e plist.Entry, what, rule, fix string) {
	first, there := known[name]
	if !there {
		known[name] = owner{c.file.Name, what, e.At.Line}
		return
	}
	where := first.what + " of this file"
	if first.file != c.file.Name {
		where = first.what + " of " + first.file
	}
	if first.line > 0 {
		where += fmt.Sprintf(", line %d", first.line)
	}
	c.found.add(e.At, Finding{Rule: rule, Key: e.Key, Problem: shortened(name) + " in " + what + " is also that of " + where, Fix: fix})
}

// payload looks at one payload. Of other vendors' only the names are looked at.
func (c *check) payload(i int, v plist.Value, where string) {
	c.names(v, where)
	mine := false
	for _, s := range c.profile.places {
		mine = mine || s.payload == i
	}
	if !mine {
		if _, there := v.Get("PayloadType"); !there {
			c.found.add(v.At, Finding{Rule: "payload-type", Key: "PayloadType", Problem: "it is missing in " + where, Fix: "add it"})
		}
		return
	}
	if kind := stringOf(v, "PayloadType"); kind != policy.Domain {
		c.must(v, "PayloadType", where, managedClient, policy.Error)
	}
	if c.profile.Shape == MobileConfig {
		c.version(v, where)
	}
	if e, there := v.Get("PayloadEnabled"); there && e.Value.Kind == plist.Boolean && !e.Value.Bool {
		f := Finding{Rule: "disabled", Key: e.Key, Problem: "the payload is turned off", Fix: "write <true/>"}
		c.warn(e.At, c.replace(f, e.Value.At, "<true/>"))
	}
}

// shownPlain is a value of a payload's own keys, which are no secrets.
func shownPlain(v plist.Value) string {
	switch v.Kind {
	case plist.String:
		return quoted(v.Text)
	case plist.Integer:
		return v.Decimal()
	case 0:
		return "unreadable"
	}
	return "a <" + v.Kind.String() + ">"
}
