package directory

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// Account is a local account on a Mac.
type Account struct {
	ID, DeviceID string
	GUID         string
	UID          uint32
	Name         string
	FullName     string
	Governed     bool
	Exempt       bool
	Linked       string // org login that the Mac reports
	Prelink      string // org login that an administrator set
	Factors      []wire.Factor
	Secret       wire.SecretState // as the Mac reports it
	WindowUntil  time.Time
	FirstGov     time.Time // the earliest first governed login ever reported
	Present      bool      // reported at its Mac's last check-in
	SeenAt       time.Time // of the last report, where it is not Present: LastSeen
	CreatedAt    time.Time
	UpdatedAt    time.Time
}

// LastSeen is when the account was last reported by its Mac; zero if never.
func (a Account) LastSeen(of Device) time.Time {
	if a.Present {
		return of.SeenAt
	}
	return a.SeenAt
}

// present stands for the time of an account that its Mac reported last time:
// what is true of nearly all is not written for each at every check-in.
const present = 0

const accountColumns = `a.id, a.device_id, a.guid, a.uid, a.name, a.full_name, a.governed, a.exempt, a.linked, a.prelink, a.factors,
	a.secret_state, a.secret_generation, a.secret_key_id, a.window_until, a.first_governed_at, a.seen_at, a.created_at, a.updated_at`

func scanAccount(s store.Scanner) (a Account, err error) {
	var window, first, seen, created, updated sql.NullInt64
	var factors string
	err = s.Scan(&a.ID, &a.DeviceID, &a.GUID, &a.UID, &a.Name, &a.FullName, &a.Governed, &a.Exempt, &a.Linked, &a.Prelink, &factors,
		&a.Secret.State, &a.Secret.Generation, &a.Secret.KeyID, &window, &first, &seen, &created, &updated)
	if err != nil {
		return a, err
	}
	a.WindowUntil, a.FirstGov = store.Time(window), store.Time(first)
	if a.Present = seen.Int64 == present; !a.Present {
		a.SeenAt = store.Time(seen)
	}
	a.CreatedAt, a.UpdatedAt = store.Time(created), store.Time(updated)
	return a, json.Unmarshal([]byte(factors), &a.Factors)
}

// Accounts are those of one Mac, by uid.
func Accounts(ctx context.Context, tx *sql.Tx, deviceID string) ([]Account, error) {
	return accountsWhere(ctx, tx, `a.device_id = $1 ORDER BY a.uid, a.id`, deviceID)
}

// AccountsOfUser are those that are linked or pre-linked to the login.
func AccountsOfUser(ctx context.Context, tx *sql.Tx, login string) ([]Account, error) {
	return accountsWhere(ctx, tx, ofLogin+` ORDER BY a.id`, store.Fold(login))
}

// AccountsOf are those of several Macs, of each by uid.
func AccountsOf(ctx context.Context, tx *sql.Tx, devices []string) (map[string][]Account, error) {
	list, args := store.Among(nil, devices)
	found, err := accountsWhere(ctx, tx, `a.device_id IN (`+list+`) ORDER BY a.device_id, a.uid, a.id`, args...)
	out := make(map[string][]Account, len(devices))
	for len(found) > 0 {
		device, n := found[0].DeviceID, 1
		for n < len(found) && found[n].DeviceID == device {
			n++
		}
		out[device], found = found[:n:n], found[n:]
	}
	return out, err
}

// IDs are those of accounts.
func IDs(accounts []Account) []string {
	ids := make([]string, 0, len(accounts))
	for _, a := range accounts {
		ids = append(ids, a.ID)
	}
	return ids
}

func accountsWhere(ctx context.Context, tx *sql.Tx, where string, args ...any) ([]Account, error) {
	accounts, err := store.All(ctx, tx, scanAccount, `SELECT `+accountColumns+` FROM os_accounts a WHERE `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("list accounts: %w", err)
	}
	return accounts, nil
}

// AccountByID finds an account of one Mac by its id here.
func AccountByID(ctx context.Context, tx *sql.Tx, deviceID, id string) (Account, error) {
	return oneAccount(ctx, tx, id, `a.device_id = $1 AND a.id = $2`, deviceID, id)
}

// AccountByGUID finds an account of one Mac by its GeneratedUID.
func AccountByGUID(ctx context.Context, tx *sql.Tx, deviceID, guid string) (Account, error) {
	return oneAccount(ctx, tx, guid, `a.device_id = $1 AND a.guid = $2`, deviceID, FoldGUID(guid))
}

func oneAccount(ctx context.Context, tx *sql.Tx, what, where string, args ...any) (Account, error) {
	a, err := scanAccount(tx.QueryRowContext(ctx, `SELECT `+accountColumns+` FROM os_accounts a WHERE `+where, args...))
	return a, found("account", what, err)
}

// FoldGUID is a GeneratedUID as macOS writes it, and as Account has it.
func FoldGUID(guid string) string { return strings.ToUpper(strings.TrimSpace(guid)) }

// Report is what a Mac says of its accounts at a check-in.
type Report struct {
	DeviceID string
	Known    []Account // that it has so far
	Accounts []wire.Account
	Before   time.Time // its check-in before; zero if there was none
	Now      time.Time
}

// Reported is what became of a report.
type Reported struct {
	Known   []Account // all accounts of the Mac, by uid
	Changed []Account // those that are new, or that the System Log tells of
}

// SaveReported stores what a Mac reports of its accounts and keeps what only
// the server knows. The first governed login is the earliest ever reported: a Mac
// that lost its store cannot restart a grace. Where nothing is new, nothing is
// written.
func SaveReported(ctx context.Context, tx *sql.Tx, report Report) (out Reported, err error) {
	out.Known = slices.Clone(report.Known)
	for i := range out.Known {
		if err := missed(ctx, tx, &out.Known[i], report); err != nil {
			return Reported{}, err
		}
	}
	for _, r := range report.Accounts {
		i := slices.IndexFunc(out.Known, func(a Account) bool { return a.GUID == FoldGUID(r.GUID) })
		if i < 0 {
			a, err := createAccount(ctx, tx, report.DeviceID, r, report.Now)
			if err != nil {
				return Reported{}, err
			}
			out.Known, out.Changed = append(out.Known, a), append(out.Changed, a)
			continue
		}
		before, a := out.Known[i], out.Known[i].reported(r, report.Now)
		if before.saysTheSame(a) {
			continue
		}
		out.Known[i] = a
		if before.describedOtherwise(a) {
			out.Changed = append(out.Changed, a)
		}
		if err := saveAccount(ctx, tx, a); err != nil {
			return Reported{}, err
		}
		if a.FullName != before.FullName {
			if err := saveNames(ctx, tx, a); err != nil {
				return Reported{}, err
			}
		}
	}
	slices.SortFunc(out.Known, func(a, b Account) int { return cmp.Or(cmp.Compare(a.UID, b.UID), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}

// missed keeps when an account was reported that its Mac has no more.
func missed(ctx context.Context, tx *sql.Tx, a *Account, report Report) error {
	if !a.Present || slices.ContainsFunc(report.Accounts, func(r wire.Account) bool { return a.GUID == FoldGUID(r.GUID) }) {
		return nil
	}
	a.Present, a.SeenAt = false, report.Before
	if _, err := tx.ExecContext(ctx, `UPDATE os_accounts SET seen_at = $2 WHERE id = $1`, a.ID, a.seen()); err != nil {
		return fmt.Errorf("note that account %q is not reported: %w", a.Name, err)
	}
	return nil
}

// seen is how Present and SeenAt are kept.
func (a Account) seen() int64 {
	if a.Present {
		return present
	}
	return a.SeenAt.UnixMicro()
}

// describedOtherwise is what the System Log tells of.
func (a Account) describedOtherwise(b Account) bool {
	return a.Name != b.Name || a.FullName != b.FullName || a.Linked != b.Linked || a.Governed != b.Governed || a.Exempt != b.Exempt || a.UID != b.UID
}

// saysTheSame: nothing but the times of the report is new. Times are compared as
// they are kept.
func (a Account) saysTheSame(b Account) bool {
	sameFactors := slices.EqualFunc(a.Factors, b.Factors, func(f, g wire.Factor) bool { return f.ID == g.ID && f.Kind == g.Kind && f.At.Equal(g.At) })
	return !a.describedOtherwise(b) && a.Present == b.Present && sameFactors && a.Secret == b.Secret && store.Micros(a.WindowUntil) == store.Micros(b.WindowUntil) && store.Micros(a.FirstGov) == store.Micros(b.FirstGov)
}

func createAccount(ctx context.Context, tx *sql.Tx, deviceID string, r wire.Account, now time.Time) (Account, error) {
	a := Account{ID: store.NewID("osa"), DeviceID: deviceID, GUID: FoldGUID(r.GUID), CreatedAt: now}.reported(r, now)
	_, err := tx.ExecContext(ctx, `INSERT INTO os_accounts (id, device_id, guid, uid, name, full_name, governed, exempt, linked, linked_key,
			prelink, prelink_key, search_key, factors, secret_state, secret_generation, secret_key_id, seen_at, created_at, updated_at)
		VALUES ($1, $2, $3, 0, '', '', FALSE, FALSE, '', '', '', '', '', '[]', '', 0, '', $4, $4, $4)`, a.ID, deviceID, a.GUID, store.Micros(now))
	if err != nil {
		return Account{}, fmt.Errorf("store account %q: %w", r.Name, err)
	}
	return a, errors.Join(saveAccount(ctx, tx, a), saveNames(ctx, tx, a))
}

func (a Account) reported(r wire.Account, now time.Time) Account {
	a.UID, a.Name, a.FullName, a.Governed, a.Exempt, a.Linked = r.UID, r.Name, r.FullName, r.Governed, r.Exempt, r.Linked
	a.Factors, a.Secret, a.Present, a.SeenAt, a.UpdatedAt = r.Factors, r.Secret, true, time.Time{}, now
	a.WindowUntil = time.Time{}
	if r.WindowUntil != nil {
		a.WindowUntil = *r.WindowUntil
	}
	if first := r.FirstGovernedAt; first != nil && (a.FirstGov.IsZero() || first.Before(a.FirstGov)) {
		a.FirstGov = *first
	}
	return a
}

func saveAccount(ctx context.Context, tx *sql.Tx, a Account) error {
	if a.Factors == nil {
		a.Factors = []wire.Factor{}
	}
	factors, err := json.Marshal(a.Factors)
	if err != nil {
		return fmt.Errorf("encode the factors of %q: %w", a.Name, err)
	}
	search := store.Fold(strings.Join([]string{a.Name, a.FullName, a.Linked, a.Prelink}, "\n"))
	_, err = tx.ExecContext(ctx, `UPDATE os_accounts SET uid = $2, name = $3, full_name = $4, governed = $5, exempt = $6, linked = $7, linked_key = $8,
			prelink = $9, prelink_key = $10, search_key = $11, factors = $12, secret_state = $13, secret_generation = $14, secret_key_id = $15,
			window_until = $16, first_governed_at = $17, seen_at = $18, updated_at = $19 WHERE id = $1`,
		a.ID, a.UID, a.Name, a.FullName, a.Governed, a.Exempt, a.Linked, store.Fold(a.Linked), a.Prelink, store.Fold(a.Prelink), search,
		string(factors), a.Secret.State, a.Secret.Generation, a.Secret.KeyID, store.Micros(a.WindowUntil), store.Micros(a.FirstGov),
		a.seen(), store.Micros(a.UpdatedAt))
	if err != nil {
		return fmt.Errorf("store account %q: %w", a.Name, err)
	}
	return nil
}

// saveNames has the account found by its full name, after that changed.
func saveNames(ctx context.Context, tx *sql.Tx, a Account) error {
	if _, err := tx.ExecContext(ctx, `DELETE FROM account_names WHERE account_id = $1`, a.ID); err != nil {
		return fmt.Errorf("forget the names of account %q: %w", a.Name, err)
	}
	for _, part := range nameParts(a.FullName) {
		if _, err := tx.ExecContext(ctx, `INSERT INTO account_names (part, account_id) VALUES ($1, $2) ON CONFLICT DO NOTHING`, part, a.ID); err != nil {
			return fmt.Errorf("store the names of account %q: %w", a.Name, err)
		}
	}
	return nil
}

// SetPrelink says which org login an account belongs to before it has linked
// itself; an empty login takes that back. Errors: ErrNotFound.
func SetPrelink(ctx context.Context, tx *sql.Tx, deviceID, id, login string, now time.Time) (Account, error) {
	a, err := AccountByID(ctx, tx, deviceID, id)
	if err != nil {
		return Account{}, err
	}
	a.Prelink, a.UpdatedAt = strings.TrimSpace(login), now
	return a, saveAccount(ctx, tx, a)
}

// Owners are the org users that the account may belong to: linked, pre-linked,
// or, when it is neither, the one whose login's local part is the short name,
// which is what linking would take. Logins that the directory does not know
// are left out.
func Owners(ctx context.Context, tx *sql.Tx, a Account) ([]User, error) {
	if a.Linked != "" || a.Prelink != "" {
		return store.All(ctx, tx, scanUser, `SELECT `+userColumns+` FROM users u WHERE u.login_key IN ($1, $2) ORDER BY u.id`,
			store.Fold(a.Linked), store.Fold(a.Prelink))
	}
	local := strings.TrimPrefix(store.Contains(a.Name), "%")
	return store.All(ctx, tx, scanUser, `SELECT `+userColumns+` FROM users u WHERE u.login_key = $1 OR u.login_key LIKE $2 ESCAPE '\' ORDER BY u.id`,
		store.Fold(a.Name), strings.TrimSuffix(local, "%")+"@%")
}

// Belongs reports whether the login is, or could become by linking, the one of
// the account's owner.
func (a Account) Belongs(login string) bool {
	key := store.Fold(login)
	local, _, _ := strings.Cut(key, "@")
	unlinked := a.Linked == "" && a.Prelink == ""
	return key != "" && (key == store.Fold(a.Linked) || key == store.Fold(a.Prelink) || unlinked && local == store.Fold(a.Name))
}
