package console

import (
	"maps"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/federation"
)

// What a route needs besides a permission.
const (
	open     access.Permission = "open"      // nobody need be signed in
	signedIn access.Permission = "signed in" // any administrator, for what is their own
)

// route is a page with what it needs. A route without a permission would not
// be served: none of the roles holds "".
type route struct {
	needs   access.Permission
	section string
	page    page
}

// routes are all pages but the one that says that there is none.
func (c *Console) routes() map[string]route {
	all := c.ofTheOrg()
	maps.Copy(all, c.ofTheWayIn())
	maps.Copy(all, c.ofProfiles())
	maps.Copy(all, c.ofTheLog())
	maps.Copy(all, c.ofTheDisarm())
	return all
}

func (c *Console) ofTheLog() map[string]route {
	return map[string]route{
		"GET /log":         {access.LogsRead, "log", c.log},
		"GET /log/newer":   {access.LogsRead, "log", c.newer},
		"GET /log/export":  {access.LogsRead, "log", c.exportLog},
		"POST /log/verify": {access.LogsRead, "log", c.verifyLog},
	}
}

func (c *Console) ofTheDisarm() map[string]route {
	const disarm = "/devices/{deviceId}/disarm"
	return map[string]route{
		"GET " + disarm:                    {access.LoginRightDisarm, "devices", c.askDisarm},
		"POST " + disarm:                   {access.LoginRightDisarm, "devices", c.disarm},
		"POST " + disarm + "/end":          {access.LoginRightDisarm, "devices", c.endDisarm},
		"POST " + disarm + "/authenticate": {access.LoginRightDisarm, "devices", c.authenticateToDisarm},
	}
}

func (c *Console) ofTheWayIn() map[string]route {
	return map[string]route{
		"GET /sign-in":                    {open, "", c.signIn},
		"POST /sign-in":                   {open, "", c.password},
		"GET /sign-in/second":             {open, "", c.second},
		"POST /sign-in/code":              {open, "", c.withCode},
		"POST /sign-in/recovery":          {open, "", c.withRecoveryCode},
		"POST /sign-in/passkey/challenge": {open, "", c.passkeyChallenge},
		"POST /sign-in/passkey":           {open, "", c.withPasskey},
		"POST /sign-in/sso":               {open, "", c.beginSSO},
		"GET " + federation.CallbackPath:  {open, "", c.ssoCallback},
		"POST /sign-in/sso/logout":        {open, "", c.backChannel},
		"GET " + federation.SignedOutPath: {open, "", c.signedOut},
		"POST /sign-out":                  {open, "", c.signOut},
		"GET /set-up":                     {open, "", c.setUp},
		"POST /set-up":                    {open, "", c.beginSetUp},
		"GET /set-up/password":            {open, "", c.choosePassword},
		"POST /set-up/password":           {open, "", c.setPassword},
		"GET /set-up/factor":              {open, "", c.chooseFactor},
		"POST /set-up/code":               {open, "", c.confirmCode},
		"POST /set-up/passkey/challenge":  {open, "", c.newPasskeyChallenge},
		"POST /set-up/passkey":            {open, "", c.confirmPasskey},
	}
}

func (c *Console) ofProfiles() map[string]route {
	return map[string]route{
		"GET /profiles":                  {access.DevicesRead, "profiles", c.profiles},
		"POST /profiles/new":             {access.DevicesRead, "profiles", c.makeProfile},
		"POST /profiles/check":           {access.DevicesRead, "profiles", c.checkProfile},
		"POST /profiles/intended/forget": {access.SettingsManage, "profiles", c.forgetIntended},
	}
}

func (c *Console) ofTheOrg() map[string]route {
	const (
		device  = "/devices/{deviceId}"
		account = device + "/accounts/{accountId}"
		issued  = "/certificates/issued/{fingerprint}"
		factor  = "/people/{userId}/factors/{factorId}"
	)
	return map[string]route{
		"GET /{$}":                                                {signedIn, "", c.start},
		"GET /account":                                            {signedIn, "account", c.own},
		"POST /account/sessions/{id}/end":                         {signedIn, "account", c.endSession},
		"POST /account/passkey/challenge":                         {signedIn, "account", c.freshChallenge},
		"GET /devices":                                            {access.DevicesRead, "devices", c.devices},
		"GET " + device:                                           {access.DevicesRead, "devices", c.device},
		"POST " + device + "/{operation}":                         {access.DevicesManage, "devices", c.changeDevice},
		"POST /devices/confirm":                                   {access.DevicesManage, "devices", c.confirmMany},
		"GET " + account:                                          {access.DevicesRead, "devices", c.account},
		"GET " + account + "/pin":                                 {access.DevicesRead, "devices", c.askPIN},
		"POST " + account + "/pin":                                {access.DevicesRead, "devices", c.issuePIN},
		"POST " + account + "/pin/authenticate":                   {access.DevicesRead, "devices", c.authenticateAgain},
		"GET " + account + "/pins/{pinId}":                        {access.DevicesRead, "devices", c.pinState},
		"POST " + account + "/pins/{pinId}/void":                  {access.PINGenerate, "devices", c.voidPIN},
		"POST " + account + "/prelink":                            {access.UsersManage, "devices", c.prelink},
		"POST /people/prelink":                                    {access.UsersManage, "people", c.prelinkMany},
		"GET " + account + "/reset":                               {access.FactorsReset, "devices", c.askReset},
		"POST " + account + "/reset":                              {access.FactorsReset, "devices", c.reset},
		"GET /readiness":                                          {access.DevicesRead, "readiness", c.readiness},
		"GET /people":                                             {access.UsersRead, "people", c.people},
		"POST /people":                                            {access.UsersManage, "people", c.addPerson},
		"GET /people/{userId}":                                    {access.UsersRead, "people", c.person},
		"POST /people/{userId}/reset-factors":                     {access.FactorsReset, "people", c.resetPerson},
		"POST /people/{userId}/{operation}":                       {access.UsersManage, "people", c.changePerson},
		"POST /people/{userId}/unblock-pushes":                    {access.FactorsReset, "people", c.unblockPushes},
		"POST /people/{userId}/app":                               {access.UsersManage, "people", c.enrolApp},
		"POST /people/{userId}/invitations":                       {access.UsersManage, "people", c.invite},
		"POST /people/{userId}/invitations/{invitationId}/revoke": {access.FactorsReset, "people", c.revokeInvitation},
		"GET " + factor:                                           {access.UsersManage, "people", c.appPage},
		"POST " + factor + "/confirm":                             {access.UsersManage, "people", c.confirmApp},
		"POST " + factor + "/remove":                              {access.FactorsReset, "people", c.removeFactor},
		"GET /settings":                                           {access.OrgRead, "settings", c.settings},
		"POST /settings":                                          {access.SettingsManage, "settings", c.saveSettings},
		"GET /certificates":                                       {access.OrgRead, "certificates", c.certificates},
		"POST /certificates":                                      {access.EnrolmentManage, "certificates", c.makeChallenge},
		"POST /certificates/{challengeId}/revoke":                 {access.EnrolmentManage, "certificates", c.revokeChallenge},
		"POST /certificates/chains":                               {access.EnrolmentManage, "certificates", c.addChain},
		"POST /certificates/chains/{chainId}/remove":              {access.EnrolmentManage, "certificates", c.removeChain},
		"POST " + issued + "/revoke":                              {access.EnrolmentManage, "certificates", c.revokeCertificate},
		"GET /administrators":                                     {access.OrgRead, "administrators", c.admins},
		"POST /administrators":                                    {access.AdminsManage, "administrators", c.addAdmin},
		"POST /administrators/{adminId}/{operation}":              {access.AdminsManage, "administrators", c.changeAdmin},

		"POST /administrators/roles":                       {access.AdminsManage, "administrators", c.makeRole},
		"POST /administrators/roles/{roleKey}/{operation}": {access.AdminsManage, "administrators", c.changeRole},
		"GET /account/{operation}":                         {signedIn, "account", c.ownForm},
		"POST /account/{operation}":                        {signedIn, "account", c.changeOwn},
		"POST /account/{operation}/fresh":                  {signedIn, "account", c.ownFresh},
		"POST /account/passkey/new":                        {signedIn, "account", c.ownPasskeyChallenge},
		"GET /people/groups":                               {access.UsersRead, "people", c.groupList},
		"POST /people/groups":                              {access.UsersManage, "people", c.makeGroup},
		"POST /people/groups/members":                      {access.UsersManage, "people", c.addMembers},
		"GET /people/groups/{groupId}":                     {access.UsersRead, "people", c.group},
		"POST /people/groups/{groupId}/{operation}":        {access.UsersManage, "people", c.changeGroup},
	}
}

// Routes are the patterns with the permission that each needs, for the test of
// every route with every role.
func (c *Console) Routes() map[string]access.Permission {
	out := map[string]access.Permission{}
	for pattern, at := range c.routes() {
		out[pattern] = at.needs
	}
	return out
}
