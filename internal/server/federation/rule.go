package federation

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
)

// Bounds of the mapping and of the groups that a token may name.
const (
	maxRules     = 200
	maxGroupName = 256 // characters
	maxGroups    = 2000
)

// Rule gives the members of a group at the provider a role here.
type Rule struct {
	Group string      // exactly as the provider spells it
	Role  access.Role // built in, or the key of a custom role
	Scope []string    // groups of users that they are limited to; none is the whole org
}

// ParseRule reads GROUP=ROLE or GROUP=ROLE@USERS;USERS. The group may hold "=",
// as names of directories do; roles and what stands behind them may not.
func ParseRule(text string) (Rule, error) {
	at := strings.LastIndexByte(text, '=')
	if at < 0 {
		return Rule{}, fmt.Errorf("%q: want GROUP=ROLE, or GROUP=ROLE@USERS for the users in a group alone", legible(text))
	}
	group := strings.TrimSpace(text[:at])
	role, scope, scoped := strings.Cut(text[at+1:], "@")
	r := Rule{Group: group, Role: access.Role(strings.ToLower(strings.TrimSpace(role)))}
	if !nameOK(group) {
		return Rule{}, fmt.Errorf("%q: want a group of 1 to %d characters in front of the =", legible(text), maxGroupName)
	}
	if !slices.Contains(access.Roles(), r.Role) && !access.MayBeCustom(r.Role) {
		return Rule{}, fmt.Errorf("%q: there is no role %q: want one of %v, or the key of a custom role, which begins with custom-", legible(text), legible(string(r.Role)), access.Roles())
	}
	if !scoped {
		return r, nil
	}
	for name := range strings.SplitSeq(scope, ";") {
		if name = strings.TrimSpace(name); !nameOK(name) {
			return Rule{}, fmt.Errorf("%q: want groups of users behind the @, with ; between them", legible(text))
		}
		r.Scope = append(r.Scope, name)
	}
	if r.Role == access.SuperAdmin {
		return Rule{}, fmt.Errorf("%q: a super admin is one for the whole org: leave out what begins with @", legible(text))
	}
	return r, nil
}

// ParseRules reads the whole mapping, in its order.
func ParseRules(texts []string) ([]Rule, error) {
	if len(texts) == 0 {
		return nil, fmt.Errorf("no group is mapped, so nobody could sign in: want one GROUP=ROLE at least")
	}
	if len(texts) > maxRules {
		return nil, fmt.Errorf("%d groups are mapped, at most %d", len(texts), maxRules)
	}
	rules := make([]Rule, 0, len(texts))
	for _, text := range texts {
		r, err := ParseRule(text)
		if err != nil {
			return nil, err
		}
		if slices.ContainsFunc(rules, func(o Rule) bool { return o.Group == r.Group }) {
			return nil, fmt.Errorf("the group %q is mapped twice: the first one alone would count", legible(r.Group))
		}
		rules = append(rules, r)
	}
	return rules, nil
}

// mapped is the first rule of which somebody has the group. Names are compared
// as they are: one that looks alike is another group.
func mapped(rules []Rule, groups []string) (Rule, bool) {
	for _, r := range rules {
		if slices.Contains(groups, r.Group) {
			return r, true
		}
	}
	return Rule{}, false
}

func nameOK(name string) bool {
	return name != "" && utf8.ValidString(name) && utf8.RuneCountInString(name) <= maxGroupName && !strings.ContainsFunc(name, unicode.IsControl)
}
