package systemlog

import "time"

// Severities of an event.
const (
	Info  = "INFO"
	Warn  = "WARN"
	Error = "ERROR"
)

// Results of what was tried.
const (
	Success = "SUCCESS"
	Failure = "FAILURE"
	Denied  = "DENY"
)

// Event types that this server writes itself. The first ones are Okta's.
const (
	PINGenerate         = "device.desktop_mfa.recovery_pin.generate"
	PINRotateSecret     = "device.desktop_mfa.recovery_pin.rotate_secret"
	ConfigurationUpdate = "device.desktop_mfa.configuration.update"
	DeviceEnrol         = "device.enrollment.create"
	AccountSync         = "device.user_os_account.sync"
	CertificateIssue    = "pki.cert.issue"
	CertificateRenew    = "pki.cert.renew"
	UserCreate          = "user.lifecycle.create"
	UserSuspend         = "user.lifecycle.suspend"
	UserUnsuspend       = "user.lifecycle.unsuspend"
	UserDeactivate      = "user.lifecycle.deactivate"
	UserActivate        = "user.lifecycle.activate"
	UserDelete          = "user.lifecycle.delete.completed"
	ResetFactors        = "user.mfa.factor.reset_all"
	TokenCreate         = "system.api_token.create"
	TokenRevoke         = "system.api_token.revoke"
	LogPurge            = "system.log.purge"
	LogExport           = "system.log.export"
	SessionStart        = "user.session.start"
	SessionEnd          = "user.session.end"
	AuthViaMFA          = "user.authentication.auth_via_mfa"
	AuthViaSSO          = "user.authentication.sso"
	AccountLock         = "user.account.lock"
	PasswordUpdate      = "user.account.update_password"
	ProfileUpdate       = "user.account.update_profile"
	PrivilegeGrant      = "user.account.privilege.grant"
	RoleCreate          = "iam.role.create"
	RoleUpdate          = "iam.role.update"
	RoleDelete          = "iam.role.delete"
	GroupCreate         = "group.lifecycle.create"
	GroupDelete         = "group.lifecycle.delete"
	MemberAdd           = "group.user_membership.add"
	MemberRemove        = "group.user_membership.remove"
	FactorActivate      = "user.mfa.factor.activate"
	FactorDeactivate    = "user.mfa.factor.deactivate"
	ClientLimit         = "system.client.rate_limit.violation"
	UserLimit           = "system.operation.rate_limit.violation"
	PushSent            = "system.push.send_factor_verify_push"
	PushDeny            = "user.mfa.okta_verify.deny_push"
	PushNotMe           = "user.account.report_suspicious_activity_by_enduser"
	ClientCreate        = "app.oauth2.client.lifecycle.create"
	ClientRevoke        = "app.oauth2.client.lifecycle.deactivate"
	TokenRefuse         = "app.oauth2.token.grant"
	SigningKey          = "app.oauth2.signing_key.create"

	PINActivate         = "device.desktop_mfa.recovery_pin.activate"
	PINUnmatched        = "device.desktop_mfa.recovery_pin.activate_unmatched"
	PINVoid             = "device.desktop_mfa.recovery_pin.void"
	DeviceSuspend       = "device.lifecycle.suspend"
	DeviceUnsuspend     = "device.lifecycle.unsuspend"
	DeviceDeactivate    = "device.lifecycle.deactivate"
	DeviceActivate      = "device.lifecycle.activate"
	DeviceDelete        = "device.lifecycle.delete"
	DeviceConfirm       = "device.desktop_mfa.binding.confirm"
	DeviceReject        = "device.desktop_mfa.binding.reject"
	DeviceClaim         = "device.desktop_mfa.binding.claim"
	LoginRightChanged   = "device.desktop_mfa.login_right.changed"
	LoginRightDisarm    = "device.desktop_mfa.login_right.disarm"
	LoginRightDisarmEnd = "device.desktop_mfa.login_right.disarm_ended"
	SequenceBack        = "device.desktop_mfa.check_in.sequence_back"
	TokenMismatch       = "device.desktop_mfa.check_in.token_mismatch"
	AccountPrelink      = "device.desktop_mfa.account.prelink"
	ChallengeCreate     = "pki.scep_challenge.create"
	ChallengeRevoke     = "pki.scep_challenge.revoke"
	ChallengeRefused    = "pki.scep_challenge.refuse"
	CertificateRevoke   = "pki.cert.revoke"
	OwnCACreate         = "pki.own_ca.create"
	OwnCADelete         = "pki.own_ca.delete"
	DeviceEventUnknown  = "device.desktop_mfa.event.unknown"
	PushApprove         = "user.mfa.push.approve"
	PushPause           = "user.mfa.push.pause"
	PushBlock           = "user.mfa.push.block"
	PushUnblock         = "user.mfa.push.unblock"
	PushNotTaken        = "user.mfa.push.answer_not_taken"
	FactorSuspend       = "user.mfa.factor.suspend"
	FactorNotTaken      = "user.mfa.factor.not_taken"
	InvitationCreate    = "user.mfa.invitation.create"
	InvitationUse       = "user.mfa.invitation.use"
	InvitationRevoke    = "user.mfa.invitation.revoke"
	PhoneUnlock         = "user.mfa.phone.unlock"
	PhoneLimit          = "user.mfa.phone.rate_limit"
	WebPushSubscribe    = "user.mfa.phone.web_push_subscribe"
	WebPushDrop         = "user.mfa.phone.web_push_drop"
	WebPushKey          = "system.web_push.key_create"
)

// Actor is who did it.
type Actor struct {
	ID          string `json:"id"`
	Type        string `json:"type"` // "User", "Device" or "System"
	AlternateID string `json:"alternateId"`
	DisplayName string `json:"displayName"`
}

// System is the server itself as an actor.
func System() Actor {
	return Actor{ID: "system", Type: "System", AlternateID: "latchkey-server", DisplayName: "latchkey-server"}
}

// Target is what it was done to.
type Target struct {
	ID          string `json:"id"`
	Type        string `json:"type"` // "User", "Device", "OSAccount", "RecoveryPIN", "Token", "Challenge", "Certificate", "Admin", "Role", "UserGroup", "Client"
	AlternateID string `json:"alternateId"`
	DisplayName string `json:"displayName"`
}

// Outcome is how it ended. Reason is for people and programs: one short code
// or sentence.
type Outcome struct {
	Result string `json:"result"`
	Reason string `json:"reason,omitempty"`
}

// Client is where the request came from.
type Client struct {
	IPAddress string `json:"ipAddress,omitempty"`
	UserAgent string `json:"userAgent,omitempty"`
}

// Event is one entry. Seq, ID, Published and Hash are set by Append.
type Event struct {
	Seq       uint64
	ID        string
	Published time.Time
	Hash      string // hex

	Type     string
	Severity string // "" is Info
	Message  string
	Outcome  Outcome // no result is Success
	Actor    Actor
	Targets  []Target
	Client   Client
	Request  string // id of the request, shared by the events it caused
	Detail   map[string]string
}

// body is what of an event is stored as JSON. Its order of fields is part of
// the stored bytes, which the chain covers as they are.
type body struct {
	Message string            `json:"displayMessage"`
	Outcome Outcome           `json:"outcome"`
	Actor   Actor             `json:"actor"`
	Targets []Target          `json:"target"`
	Client  Client            `json:"client"`
	Request string            `json:"request,omitempty"`
	Detail  map[string]string `json:"debugData,omitempty"`
}
