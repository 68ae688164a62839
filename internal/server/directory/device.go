package directory

import (
	"context"
	"database/sql"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// Trust says whether the certificate that a Mac uses is known to be its own.
type Trust string

// The kinds of trust.
const (
	Bound      Trust = "BOUND"
	Unverified Trust = "UNVERIFIED" // a new Mac that nobody has confirmed
	Reenrolled Trust = "REENROLLED" // a known Mac has a new certificate that nobody has confirmed
)

// Device is a Mac.
type Device struct {
	ID                         string
	UDID, Serial, Name         string
	Model, OS, Agent, Zone     string
	Status                     Status
	Trust                      Trust
	Certificate                string // fingerprint of the certificate bound to it
	Claim                      string // fingerprint of the one that waits to be confirmed
	SeenAt                     time.Time
	Clock                      string
	ArmedState, ArmedReason    string
	KillSwitch                 bool
	PolicyState, PolicySHA256  string
	PolicyErrors               []wire.PolicyError
	Effective                  json.RawMessage // of the policy; empty before the first check-in
	LastSeq                    uint64
	LastRequest, LastAnswer    string // SHA-256 of the check-in, and what it was answered, sealed
	TokenHash, TokenBeforeHash string
	TokenAt                    time.Time
	CreatedAt, UpdatedAt       time.Time
}

// Label is how people name the Mac.
func (d Device) Label() string {
	if d.Name != "" {
		return d.Name
	}
	return d.Serial
}

const deviceColumns = `d.id, d.udid, d.serial, d.name, d.model, d.os, d.agent, d.zone, d.status, d.trust, d.certificate, d.claim,
	d.seen_at, d.clock, d.armed_state, d.armed_reason, d.killswitch, d.policy_state, d.policy_sha256, d.policy_errors, d.policy_effective,
	d.last_seq, d.last_request, d.last_answer, d.token_hash, d.token_old_hash, d.token_at, d.created_at, d.updated_at`

func scanDevice(s store.Scanner) (d Device, err error) {
	var seen, token, created, updated sql.NullInt64
	var errs, effective string
	err = s.Scan(&d.ID, &d.UDID, &d.Serial, &d.Name, &d.Model, &d.OS, &d.Agent, &d.Zone, &d.Status, &d.Trust, &d.Certificate, &d.Claim,
		&seen, &d.Clock, &d.ArmedState, &d.ArmedReason, &d.KillSwitch, &d.PolicyState, &d.PolicySHA256, &errs, &effective,
		&d.LastSeq, &d.LastRequest, &d.LastAnswer, &d.TokenHash, &d.TokenBeforeHash, &token, &created, &updated)
	if err != nil {
		return d, err
	}
	d.SeenAt, d.TokenAt, d.CreatedAt, d.UpdatedAt = store.Time(seen), store.Time(token), store.Time(created), store.Time(updated)
	d.Effective = json.RawMessage(effective)
	if errs != "" {
		err = json.Unmarshal([]byte(errs), &d.PolicyErrors)
	}
	return d, err
}

// DeviceByID finds a Mac by its id here.
func DeviceByID(ctx context.Context, tx *sql.Tx, id string) (Device, error) {
	return oneDevice(ctx, tx, id, `d.id = $1`, id)
}

func oneDevice(ctx context.Context, tx *sql.Tx, what, where string, args ...any) (Device, error) {
	where, args = limited(ctx, "d.id", macsOfMembers, where, args)
	d, err := scanDevice(tx.QueryRowContext(ctx, `SELECT `+deviceColumns+` FROM devices d WHERE `+where, args...))
	return d, found("device", what, err)
}

// DevicesByID are the Macs with these ids, of which there must be one, as far as
// they exist.
func DevicesByID(ctx context.Context, tx *sql.Tx, ids ...string) ([]Device, error) {
	list, args := store.Among(nil, ids)
	return devicesWhere(ctx, tx, `d.id IN (`+list+`)`, args...)
}

// DevicesBySerial are the Macs with one of these serial numbers, of which there
// must be one: more than one Mac with the same only where a logic board was
// exchanged or somebody pretends.
func DevicesBySerial(ctx context.Context, tx *sql.Tx, serials ...string) ([]Device, error) {
	folded := make([]string, 0, len(serials))
	for _, s := range serials {
		folded = append(folded, store.Fold(s))
	}
	list, args := store.Among(nil, folded)
	return devicesWhere(ctx, tx, `d.serial_key IN (`+list+`) ORDER BY d.id`, args...)
}

// Devices are the Macs where q stands in the serial number, the computer
// name, the hardware UUID, or the short, full or org name or e-mail of one of
// their users; by id. An empty q is all of them.
func Devices(ctx context.Context, tx *sql.Tx, q string, p Page) ([]Device, error) {
	return devicesWhere(ctx, tx, fmt.Sprintf(`d.id > $2 AND (d.search_key LIKE $1 ESCAPE '\' OR EXISTS (
			SELECT 1 FROM os_accounts a LEFT JOIN users u ON u.login_key = a.linked_key OR u.login_key = a.prelink_key
			WHERE a.device_id = d.id AND (a.search_key LIKE $1 ESCAPE '\' OR u.search_key LIKE $1 ESCAPE '\')))
		ORDER BY d.id LIMIT %d`, p.limit()), store.Contains(q), p.After)
}

// MoreThan reports whether there are more than n Macs, without counting further.
func MoreThan(ctx context.Context, tx *sql.Tx, n int) (bool, error) {
	var found int
	if err := tx.QueryRowContext(ctx, `SELECT count(*) FROM (SELECT 1 FROM devices LIMIT $1) AS part`, n+1).Scan(&found); err != nil {
		return false, fmt.Errorf("count devices: %w", err)
	}
	return found > n, nil
}

// DevicesOfUser are the Macs with an account that is linked or pre-linked to
// the login.
func DevicesOfUser(ctx context.Context, tx *sql.Tx, login string) ([]Device, error) {
	return devicesWhere(ctx, tx, macsOfLogin+` ORDER BY d.id`, store.Fold(login))
}

func devicesWhere(ctx context.Context, tx *sql.Tx, where string, args ...any) ([]Device, error) {
	where, args = limited(ctx, "d.id", macsOfMembers, where, args)
	devices, err := store.All(ctx, tx, scanDevice, `SELECT `+deviceColumns+` FROM devices d WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("list devices: %w", err)
	}
	return devices, nil
}

// CreateDevice stores d, without a name for now, and gives it an id.
func CreateDevice(ctx context.Context, tx *sql.Tx, d Device, now time.Time) (Device, error) {
	d.ID, d.Status, d.CreatedAt = store.NewID("dev"), Active, now
	_, err := tx.ExecContext(ctx, `INSERT INTO devices (id, udid_key, serial_key, udid, serial, name, model, os, agent, zone, search_key,
			status, trust, certificate, claim, token_hash, token_old_hash, last_seq, last_answer, clock, armed_state, armed_reason, killswitch,
			policy_state, policy_sha256, policy_errors, policy_effective, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, '', '', '', '', '', '', $6, '', '', '', '', '', 0, '', '', '', '', FALSE, '', '', '', '', $7, $7)`,
		d.ID, store.Fold(d.UDID), store.Fold(d.Serial), d.UDID, d.Serial, string(d.Status), store.Micros(now))
	if err != nil {
		return Device{}, fmt.Errorf("store device %q: %w", d.Serial, err)
	}
	return d, SaveDevice(ctx, tx, &d, now)
}

// SaveDevice writes all of d that can change.
func SaveDevice(ctx context.Context, tx *sql.Tx, d *Device, now time.Time) error {
	errs := ""
	if len(d.PolicyErrors) != 0 {
		raw, err := json.Marshal(d.PolicyErrors)
		if err != nil {
			return fmt.Errorf("encode the policy errors of device %q: %w", d.Serial, err)
		}
		errs = string(raw)
	}
	d.UpdatedAt = now
	search := store.Fold(strings.Join([]string{d.Serial, d.Name, d.UDID}, "\n"))
	_, err := tx.ExecContext(ctx, `UPDATE devices SET name = $2, model = $3, os = $4, agent = $5, zone = $6, search_key = $7, status = $8,
			trust = $9, certificate = $10, claim = $11, seen_at = $12, clock = $13, armed_state = $14, armed_reason = $15, killswitch = $16,
			policy_state = $17, policy_sha256 = $18, policy_errors = $19, policy_effective = $20, last_seq = $21, last_answer = $22,
			token_hash = $23, token_old_hash = $24, token_at = $25, updated_at = $26, last_request = $27, name_key = $28 WHERE id = $1`,
		d.ID, d.Name, d.Model, d.OS, d.Agent, d.Zone, search, string(d.Status), string(d.Trust), d.Certificate, d.Claim,
		store.Micros(d.SeenAt), d.Clock, d.ArmedState, d.ArmedReason, d.KillSwitch, d.PolicyState, d.PolicySHA256, errs, string(d.Effective),
		d.LastSeq, d.LastAnswer, d.TokenHash, d.TokenBeforeHash, store.Micros(d.TokenAt), store.Micros(now), d.LastRequest, store.Fold(d.Name))
	if err != nil {
		return fmt.Errorf("store device %q: %w", d.Serial, err)
	}
	return nil
}

// ChangeDevice moves a Mac through its life. Errors: ErrNotFound, ErrState.
func ChangeDevice(ctx context.Context, tx *sql.Tx, id string, c Lifecycle, now time.Time) (Device, error) {
	d, err := DeviceByID(ctx, tx, id)
	if err != nil {
		return Device{}, err
	}
	if d.Status, err = d.Status.next(c); err != nil {
		return Device{}, fmt.Errorf("device %q: %w", d.Label(), err)
	}
	return d, SaveDevice(ctx, tx, &d, now)
}

// Confirm binds the certificate that waits to the Mac. The earlier one, if
// there was one, is of no use afterwards. A fingerprint that is not empty must
// be that of the certificate that waits, so that what was looked at is what is
// confirmed. Errors: ErrNotFound, ErrState where none, or another one, waits.
func Confirm(ctx context.Context, tx *sql.Tx, id, fingerprint string, now time.Time) (Device, error) {
	d, err := DeviceByID(ctx, tx, id)
	if err != nil {
		return Device{}, err
	}
	if d.Claim == "" {
		return Device{}, fmt.Errorf("confirm device %q: no certificate waits: %w", d.Label(), ErrState)
	}
	if fingerprint != "" && store.Fold(fingerprint) != d.Claim {
		return Device{}, fmt.Errorf("confirm device %q: another certificate waits: %w", d.Label(), ErrState)
	}
	d.Bind(d.Claim)
	return d, SaveDevice(ctx, tx, &d, now)
}

// Bind makes fingerprint the Mac's certificate without proof of the binding
// before: what the Mac knew of its earlier life, it is taken to have lost, so
// that its sequence begins anew and its token is void.
func (d *Device) Bind(fingerprint string) {
	d.Trust, d.Certificate, d.Claim = Bound, fingerprint, ""
	d.LastSeq, d.LastRequest, d.LastAnswer = 0, "", ""
	d.TokenHash, d.TokenBeforeHash, d.TokenAt = "", "", time.Time{}
}

// Reject drops the certificate that waits. A Mac that had one before keeps
// it; a new one stays unverified. Errors: ErrNotFound, ErrState.
func Reject(ctx context.Context, tx *sql.Tx, id string, now time.Time) (Device, error) {
	d, err := DeviceByID(ctx, tx, id)
	if err != nil {
		return Device{}, err
	}
	if d.Claim == "" {
		return Device{}, fmt.Errorf("reject device %q: no certificate waits: %w", d.Label(), ErrState)
	}
	d.Claim = ""
	if d.Certificate != "" {
		d.Trust = Bound
	}
	return d, SaveDevice(ctx, tx, &d, now)
}
