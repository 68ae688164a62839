package directory

import (
	"context"
	"database/sql"
	"fmt"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/server/scim"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
)

// DeviceAttributes are those of a Mac that a search may ask for, by Okta's
// names. As in Okta's, few can be searched within.
func DeviceAttributes() map[string]scim.Attribute {
	whole := []scim.Operator{scim.Equal, scim.NotEqual, scim.StartsWith, scim.Present}
	within := append([]scim.Operator{scim.Contains}, whole...)
	return map[string]scim.Attribute{
		"id":                   {Column: "d.id", Only: whole},
		"status":               {Column: "d.status", Fold: strings.ToUpper, Only: whole},
		"lastUpdated":          {Column: "d.updated_at", Kind: scim.Moment},
		"created":              {Column: "d.created_at", Kind: scim.Moment},
		"profile.displayName":  {Column: "(CASE WHEN d.name_key <> '' THEN d.name_key ELSE d.serial_key END)", Fold: store.Fold, Only: within},
		"profile.serialNumber": {Column: "d.serial_key", Fold: store.Fold, Only: within},
		"profile.udid":         {Column: "d.udid_key", Fold: store.Fold, Only: within},
		"profile.model":        {Column: "d.model", Only: whole},
		"profile.osVersion":    {Column: "d.os", Only: whole},
		// All are Macs that have enrolled.
		"profile.platform":     {Column: "'MACOS'", Fold: strings.ToUpper, Only: whole},
		"profile.manufacturer": {Column: "'APPLE'", Fold: strings.ToUpper, Only: whole},
		"profile.registered":   {Column: "TRUE", Kind: scim.Flag},
	}
}

// SearchDevices are the Macs that a search over DeviceAttributes picks, by id.
// Errors: *scim.RefusedError, or the database's.
func SearchDevices(ctx context.Context, tx *sql.Tx, search scim.Expression, p Page) ([]Device, error) {
	condition, args, err := scim.Where(search, DeviceAttributes(), 2)
	if err != nil {
		return nil, err
	}
	return devicesWhere(ctx, tx, fmt.Sprintf(`d.id > $1 AND %s ORDER BY d.id LIMIT %d`, condition, p.limit()), append([]any{p.After}, args...)...)
}
