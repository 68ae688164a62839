package systemlog

import (
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/server/scim"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
)

// Attributes are those of an event that a filter may ask for, by Okta's names.
// Each stands in a column of its own; what there is no index for is narrow.
func Attributes() map[string]scim.Attribute {
	target := func(column string) scim.Attribute {
		return scim.Attribute{Column: column, Within: `EXISTS (SELECT 1 FROM event_targets t WHERE t.seq = events.seq AND %s)`}
	}
	return map[string]scim.Attribute{
		"uuid":               {Column: "id"},
		"published":          {Column: "published", Kind: scim.Moment},
		"eventType":          {Column: "type", Fold: store.Fold},
		"severity":           {Column: "severity", Fold: strings.ToUpper},
		"outcome.result":     {Column: "outcome", Fold: strings.ToUpper},
		"actor.id":           {Column: "actor_id"},
		"actor.alternateId":  {Column: "actor_login"},
		"client.ipAddress":   {Column: "client_ip"},
		"transaction.id":     {Column: "request"},
		"target.id":          target("t.target_id"),
		"target.type":        target("t.type"),
		"target.alternateId": target("t.alternate_id"),
		"target.displayName": target("t.display_name"),
	}
}
