package wire

// GateFile is what the gate falls back on when the daemon does not answer:
// root-owned, mode 0600, JSON (design §8).
type GateFile struct {
	V           int          `json:"v"`
	Exempt      []GateExempt `json:"exempt"`
	Unavailable string       `json:"unavailable"` // "deny" or "allow"
	KillSwitch  string       `json:"kill_switch"` // path of the kill-switch file
}

// GateExempt is an account that needs no second factor.
type GateExempt struct {
	GUID string `json:"guid"`
	Name string `json:"name"`
	UID  uint32 `json:"uid"`
}

// ContactFile is what the panel shows when the daemon does not answer:
// root-owned, mode 0644, JSON. It holds no secret (wire-v1, prompt socket).
type ContactFile struct {
	V          int    `json:"v"`
	Name       string `json:"name"`
	Serial     string `json:"serial"`
	AdminEmail string `json:"admin_email"`
	AdminPhone string `json:"admin_phone"`
}
