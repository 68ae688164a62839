package events

// The names of the events. Those that Okta's System Log has are spelt as
// there; the others follow its style.
const (
	PINActivate       = "device.desktop_mfa.recovery_pin.activate"
	PINReuse          = "device.desktop_mfa.recovery_pin.reuse"
	PINReject         = "device.desktop_mfa.recovery_pin.reject"
	PINLock           = "device.desktop_mfa.recovery_pin.lock"
	PINExpire         = "device.desktop_mfa.recovery_pin.expire"
	PINRotateSecret   = "device.desktop_mfa.recovery_pin.rotate_secret"
	EnrollmentCreate  = "device.desktop_mfa.enrollment.create"
	EnrollmentDelete  = "device.desktop_mfa.enrollment.delete"
	AccountLink       = "device.desktop_mfa.account.link"
	AccountUnlink     = "device.desktop_mfa.account.unlink"
	LinkReject        = "device.desktop_mfa.account.link.reject"
	FactorReject      = "device.desktop_mfa.factor.reject"
	FactorLock        = "device.desktop_mfa.factor.lock"
	LoginAllow        = "device.desktop_mfa.login.allow"
	LoginDeny         = "device.desktop_mfa.login.deny"
	PolicyGood        = "device.desktop_mfa.policy.good"
	PolicyBad         = "device.desktop_mfa.policy.bad"
	PolicyGone        = "device.desktop_mfa.policy.gone"
	ClockRollback     = "device.desktop_mfa.clock.rollback"
	ClockTrusted      = "device.desktop_mfa.clock.trusted"
	StoreUnreadable   = "device.desktop_mfa.store.unreadable"
	StoreRestored     = "device.desktop_mfa.store.restored"
	KillSwitch        = "device.desktop_mfa.kill_switch"
	LoginRightChanged = "device.desktop_mfa.login_right.changed"
)

// All is every name, for the table in docs/events.md.
func All() []string {
	return []string{
		PINActivate, PINReuse, PINReject, PINLock, PINExpire, PINRotateSecret,
		EnrollmentCreate, EnrollmentDelete, AccountLink, AccountUnlink, LinkReject, FactorReject, FactorLock, LoginAllow, LoginDeny,
		PolicyGood, PolicyBad, PolicyGone, ClockRollback, ClockTrusted,
		StoreUnreadable, StoreRestored, KillSwitch, LoginRightChanged,
	}
}
