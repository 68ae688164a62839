package access

import "slices"

// Permission is the right to do one kind of thing. Names with a dot in front
// of manage or read are Okta's.
type Permission string

// The permissions.
const (
	DevicesRead   Permission = "okta.devices.read"
	DevicesManage Permission = "okta.devices.manage"
	UsersRead     Permission = "okta.users.read"
	UsersManage   Permission = "okta.users.manage"
	LogsRead      Permission = "okta.logs.read"
	OrgRead       Permission = "okta.orgs.read"
	OrgManage     Permission = "okta.orgs.manage"
	// PINGenerate is narrower than DevicesManage, which holds it too: for a
	// help desk that reads PINs aloud and does nothing else.
	PINGenerate     Permission = "latchkey.recoveryPins.generate"
	FactorsReset    Permission = "latchkey.factors.reset"
	EnrolmentManage Permission = "latchkey.enrolment.manage"
	// SettingsManage, AdminsManage and LoginRightDisarm decide about everybody's way
	// in, and are a super admin's alone.
	SettingsManage   Permission = "latchkey.settings.manage"
	AdminsManage     Permission = "latchkey.admins.manage"
	LoginRightDisarm Permission = "latchkey.loginRight.disarm"
)

// Role is a name for a set of permissions.
type Role string

// The roles, as the command line takes them.
const (
	SuperAdmin    Role = "super-admin"
	OrgAdmin      Role = "org-admin"
	HelpDeskAdmin Role = "help-desk-admin"
	ReadOnlyAdmin Role = "read-only-admin"
)

// Roles are all that are built in, the mightiest first.
func Roles() []Role { return []Role{SuperAdmin, OrgAdmin, HelpDeskAdmin, ReadOnlyAdmin} }

// Permissions are all permissions, as they stand in a table of roles.
func Permissions() []Permission { return SuperAdmin.Permissions() }

// Permissions are those of r; none for a role that does not exist.
func (r Role) Permissions() []Permission {
	read := []Permission{DevicesRead, UsersRead, LogsRead, OrgRead}
	switch r {
	case SuperAdmin:
		return append(OrgAdmin.Permissions(), SettingsManage, AdminsManage, LoginRightDisarm)
	case OrgAdmin:
		return append(read, DevicesManage, UsersManage, OrgManage, PINGenerate, FactorsReset, EnrolmentManage)
	case HelpDeskAdmin:
		return append(read, PINGenerate, FactorsReset)
	case ReadOnlyAdmin:
		return read
	}
	// Refused by default: an unknown role may do nothing.
	return nil
}

// Grantable are the permissions that a custom role may have. Settings,
// administrators and the remote disarm are not among them: who has these decides
// about everybody's way in, and could give themselves all the rest.
func Grantable() []Permission { return OrgAdmin.Permissions() }

// Allows reports whether the role, one of Roles, holds p.
func (r Role) Allows(p Permission) bool { return slices.Contains(r.Permissions(), p) }
