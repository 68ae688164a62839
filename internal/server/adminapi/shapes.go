package adminapi

import (
	"encoding/json"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/desk"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/recovery"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

type hints struct {
	Allow []string `json:"allow"`
}

type link struct {
	Href  string `json:"href"`
	Hints hints  `json:"hints"`
}

func (s *Server) link(path string, allow ...string) link {
	return link{Href: s.PublicURL + path, Hints: hints{Allow: allow}}
}

// moment is a time, or null for the zero one.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	u := t.UTC()
	return &u
}

// deviceBody is Okta's device, with what only Latchkey knows in one member.
type deviceBody struct {
	ID          string          `json:"id"`
	Status      string          `json:"status"`
	Created     time.Time       `json:"created"`
	LastUpdated time.Time       `json:"lastUpdated"`
	Profile     deviceProfile   `json:"profile"`
	ResourceID  string          `json:"resourceId"`
	Display     resourceName    `json:"resourceDisplayName"`
	Type        string          `json:"resourceType"`
	Alternate   *string         `json:"resourceAlternateId"`
	Links       map[string]link `json:"_links"`
	Latchkey    deviceExtra     `json:"latchkey"`
}

type resourceName struct {
	Value     string `json:"value"`
	Sensitive bool   `json:"sensitive"`
}

type deviceProfile struct {
	DisplayName  string `json:"displayName"`
	Platform     string `json:"platform"`
	Manufacturer string `json:"manufacturer"`
	Model        string `json:"model"`
	OSVersion    string `json:"osVersion"`
	SerialNumber string `json:"serialNumber"`
	UDID         string `json:"udid"`
	Registered   bool   `json:"registered"`
}

type deviceExtra struct {
	Trust       string     `json:"trust"`
	Certificate string     `json:"certificate"`
	Claim       string     `json:"claim,omitempty"`
	LastSeen    *time.Time `json:"lastSeen"`
	Agent       string     `json:"agent"`
	TimeZone    string     `json:"timeZone"`
	Clock       string     `json:"clock"`
	Armed       wire.Armed `json:"armed"`
	KillSwitch  bool       `json:"killSwitch"`
	Policy      policyBody `json:"policy"`
}

type policyBody struct {
	State     string             `json:"state"`
	SHA256    string             `json:"sha256"`
	Errors    []wire.PolicyError `json:"errors"`
	Effective json.RawMessage    `json:"effective"`
}

func (s *Server) deviceBody(d directory.Device) deviceBody {
	self := "/api/v1/devices/" + d.ID
	effective := d.Effective
	if len(effective) == 0 {
		effective = json.RawMessage("{}")
	}
	errs := d.PolicyErrors
	if errs == nil {
		errs = []wire.PolicyError{}
	}
	return deviceBody{ID: d.ID, Status: string(d.Status), Created: d.CreatedAt, LastUpdated: d.UpdatedAt, ResourceID: d.ID, Type: "UDDevice",
		Display: resourceName{Value: d.Label()},
		Profile: deviceProfile{DisplayName: d.Label(), Platform: "MACOS", Manufacturer: "APPLE", Model: d.Model, OSVersion: d.OS, SerialNumber: d.Serial, UDID: d.UDID, Registered: true},
		Links: map[string]link{"self": s.link(self, "GET"), "users": s.link(self+"/users", "GET"), "osAccounts": s.link(self+"/os-accounts", "GET"),
			"suspend": s.link(self+"/lifecycle/suspend", "POST"), "deactivate": s.link(self+"/lifecycle/deactivate", "POST")},
		Latchkey: deviceExtra{Trust: string(d.Trust), Certificate: d.Certificate, Claim: d.Claim, LastSeen: moment(d.SeenAt), Agent: d.Agent, TimeZone: d.Zone,
			Clock: d.Clock, Armed: wire.Armed{State: d.ArmedState, Reason: d.ArmedReason}, KillSwitch: d.KillSwitch,
			Policy: policyBody{State: d.PolicyState, SHA256: d.PolicySHA256, Errors: errs, Effective: effective}}}
}

// accountBody is Okta's macOS account, with Latchkey's own in one member.
type accountBody struct {
	ID          string          `json:"id"`
	DeviceID    string          `json:"deviceId"`
	Created     time.Time       `json:"created"`
	LastUpdated time.Time       `json:"lastUpdated"`
	Platform    string          `json:"platform"`
	Profile     accountProfile  `json:"profile"`
	Links       map[string]link `json:"_links"`
	Latchkey    accountExtra    `json:"latchkey"`
}

type accountProfile struct {
	AccountUUID string `json:"accountUUID"`
	FullName    string `json:"fullName"`
	Username    string `json:"username"`
}

type accountExtra struct {
	UID             uint32        `json:"uid"`
	Governed        bool          `json:"governed"`
	Exempt          bool          `json:"exempt"`
	Linked          string        `json:"linked"`
	Prelink         string        `json:"prelink"`
	Factors         []wire.Factor `json:"factors"`
	WindowUntil     *time.Time    `json:"windowUntil"`
	FirstGovernedAt *time.Time    `json:"firstGovernedAt"`
	LastSeen        *time.Time    `json:"lastSeen"`
	Recovery        recoveryBody  `json:"recovery"`
}

// recoveryBody is what the help desk may know of a secret.
type recoveryBody struct {
	Registered  bool       `json:"registered"`
	Generation  uint64     `json:"generation"`
	KeyID       string     `json:"keyId"`
	Proven      bool       `json:"proven"`
	ConfirmedAt *time.Time `json:"confirmedAt"`
}

func (s *Server) accountBody(a desk.Account) accountBody {
	r := a.Recovery
	device := "/api/v1/devices/" + a.DeviceID
	self := device + "/os-accounts/" + a.ID
	factors := a.Factors
	if factors == nil {
		factors = []wire.Factor{}
	}
	return accountBody{ID: a.ID, DeviceID: a.DeviceID, Created: a.CreatedAt, LastUpdated: a.UpdatedAt, Platform: "MACOS",
		Profile: accountProfile{AccountUUID: a.GUID, FullName: a.FullName, Username: a.Name},
		Links:   map[string]link{"self": s.link(self, "GET"), "device": s.link(device, "GET"), "recoveryPins": s.link(self+"/recovery-pins", "GET", "POST")},
		Latchkey: accountExtra{UID: a.UID, Governed: a.Governed, Exempt: a.Exempt, Linked: a.Linked, Prelink: a.Prelink, Factors: factors,
			WindowUntil: moment(a.WindowUntil), FirstGovernedAt: moment(a.FirstGov), LastSeen: moment(a.LastSeen),
			Recovery: recoveryBody{Registered: r.Registered, Generation: r.Generation, KeyID: r.KeyID, Proven: r.Proven, ConfirmedAt: moment(r.ConfirmedAt)}}}
}

type userBody struct {
	ID          string          `json:"id"`
	Status      string          `json:"status"`
	Created     time.Time       `json:"created"`
	LastUpdated time.Time       `json:"lastUpdated"`
	Profile     shownProfile    `json:"profile"`
	Links       map[string]link `json:"_links"`
}

// userSummary is a user in a list of something else.
type userSummary struct {
	ID      string          `json:"id"`
	Profile shownProfile    `json:"profile"`
	Links   map[string]link `json:"_links"`
}

// shownProfile is a profile as Okta shows one: a name that there is not is null.
type shownProfile struct {
	Login     string  `json:"login"`
	Email     string  `json:"email,omitempty"`
	FirstName *string `json:"firstName"`
	LastName  *string `json:"lastName"`
}

// filled is a text, or null for none.
func filled(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// userProfile is one as it is sent here.
type userProfile struct {
	Login     string `json:"login"`
	Email     string `json:"email"`
	FirstName string `json:"firstName"`
	LastName  string `json:"lastName"`
}

func (s *Server) userBody(u directory.User) userBody {
	status := string(u.Status)
	if u.Status == directory.Deactivated {
		status = "DEPROVISIONED" // Okta's word for it
	}
	return userBody{ID: u.ID, Status: status, Created: u.CreatedAt, LastUpdated: u.UpdatedAt,
		Profile: shownProfile{Login: u.Login, Email: u.Email, FirstName: filled(u.FirstName), LastName: filled(u.LastName)},
		Links:   map[string]link{"self": s.link("/api/v1/users/"+u.ID, "GET")}}
}

type pinBody struct {
	ID              string     `json:"id"`
	IssuedAt        time.Time  `json:"issuedAt"`
	ShownUntil      time.Time  `json:"shownUntil"`
	Method          string     `json:"method"`
	DurationMinutes int        `json:"durationMinutes"`
	Generation      uint64     `json:"generation"`
	IssuedBy        string     `json:"issuedBy"`
	Reason          string     `json:"reason"`
	Ticket          string     `json:"ticket"`
	UsedAt          *time.Time `json:"usedAt"`
	VoidedAt        *time.Time `json:"voidedAt"`
	VoidedBy        string     `json:"voidedBy"`
}

func pin(p recovery.PIN) pinBody {
	return pinBody{ID: p.ID, IssuedAt: p.IssuedAt, ShownUntil: p.ShownUntil, Method: p.Method, DurationMinutes: p.DurationMinutes, Generation: p.Generation,
		IssuedBy: p.IssuedBy, Reason: p.Reason, Ticket: p.Ticket, UsedAt: moment(p.UsedAt), VoidedAt: moment(p.VoidedAt), VoidedBy: p.VoidedBy}
}
