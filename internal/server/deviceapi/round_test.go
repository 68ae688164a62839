package deviceapi_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/zap"

	"github.com/latchkey-mfa/latchkey/internal/server/deviceapi"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/recovery"
	"github.com/latchkey-mfa/latchkey/internal/server/servertest"
	"github.com/latchkey-mfa/latchkey/internal/server/store"
	"github.com/latchkey-mfa/latchkey/internal/server/store/storetest"
	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// fleet is some Macs that have checked in once.
func fleet(o *servertest.Org, n int) (ids []servertest.Identity) {
	o.T.Helper()
	for i := range n {
		id := o.Enrol(o.Challenge(pki.Dynamic, fmt.Sprintf("C02%d", i)))
		if status, _, no := o.CheckIn(&id, request(fmt.Sprintf("C02%d", i), 1)); status != 200 {
			o.T.Fatalf("%d %+v", status, no)
		}
		ids = append(ids, id)
	}
	return ids
}

// together has all check in at once.
func together(o *servertest.Org, ids []servertest.Identity, request func(i int) wire.CheckIn) (statuses []int, answers []wire.CheckInAnswer) {
	o.T.Helper()
	at := make(chan struct{})
	close(at)
	return behind(o, at, ids, request)
}

// behind has the first check in, and all others at once, from first on.
func behind(o *servertest.Org, first <-chan struct{}, ids []servertest.Identity, request func(i int) wire.CheckIn) (statuses []int, answers []wire.CheckInAnswer) {
	o.T.Helper()
	statuses, answers = make([]int, len(ids)), make([]wire.CheckInAnswer, len(ids))
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() { statuses[i], answers[i], _ = o.CheckIn(&ids[i], request(i)) })
		<-first
	}
	all.Wait()
	return statuses, answers
}

// Whatever is answered in one transaction, each Mac gets its own answer, and what
// it said is kept: also where one changes what another was read with, and where
// the same Mac asks twice at once.
func TestCheckInsAtOnce(t *testing.T) {
	o := servertest.New(t)
	const macs = 8
	ids := fleet(o, macs)
	ids = append(ids, ids[0], ids[1])
	for seq := uint64(2); seq < 6; seq++ {
		statuses, answers := together(o, ids, func(i int) wire.CheckIn {
			in := request(fmt.Sprintf("C02%d", i%macs), seq)
			in.Wall = o.Now() // the same bytes from who asks twice
			in.Accounts[0].FullName = fmt.Sprintf("Amy %d, %d", i%macs, seq)
			if i%macs == 2 {
				in.Accounts[0].Secret = wire.SecretState{State: "current", Generation: 9, KeyID: "0123456789abcdef"} // not the one here: it is told to rotate
			}
			return in
		})
		for i, status := range statuses {
			d := device(o, fmt.Sprintf("C02%d", i%macs))
			if status != 200 || answers[i].DeviceID != d.ID || d.LastSeq != seq {
				t.Fatalf("%d, check-in %d: %d, for device %s, want %s; the last one taken is %d", i, seq, status, answers[i].DeviceID, d.ID, d.LastSeq)
			}
			if want := map[bool]int{true: 1}[i%macs == 2]; len(answers[i].Commands) != want {
				t.Errorf("%d hears %+v", i, answers[i].Commands)
			}
			if a := account(o, d); a.FullName != fmt.Sprintf("Amy %d, %d", i%macs, seq) || !a.LastSeen(d).Equal(o.Now()) {
				t.Errorf("%d: kept %q, seen %s", i, a.FullName, a.LastSeen(d))
			}
		}
	}
}

// Macs that say nothing new are written together, each with its own: when it was
// seen, its number, and its answer for the case that it was lost. One that says
// something, or comes for the first time, is written beside them.
func TestMacsThatSayNothingNew(t *testing.T) {
	o := servertest.New(t)
	const macs = 6
	ids, tokens := fleet(o, macs), [macs]string{}
	say := func(seq uint64, name string) ([]int, []wire.CheckInAnswer) {
		return together(o, ids, func(i int) wire.CheckIn {
			in := request(fmt.Sprintf("C02%d", i), seq)
			in.Wall, in.Token = o.Now(), tokens[i] // the same bytes from who asks again
			if i == 2 {
				in.Device.Name = name
			}
			return in
		})
	}
	_, answers := say(2, "one")
	for i, a := range answers {
		tokens[i] = a.Token
	}
	for seq := uint64(3); seq < 6; seq++ {
		o.Pass(time.Hour)
		before, name := o.Now(), fmt.Sprint("name ", seq)
		_, first := say(seq, name)
		statuses, again := say(seq, name)
		for i := range macs {
			d := device(o, fmt.Sprintf("C02%d", i))
			if statuses[i] != 200 || first[i].Token != "" || first[i].DeviceID != d.ID || !cmp.Equal(first[i], again[i]) {
				t.Errorf("%d is answered %d %+v, and then %+v", i, statuses[i], first[i], again[i])
			}
			if d.LastSeq != seq || !d.SeenAt.Equal(before) || !account(o, d).LastSeen(d).Equal(before) || i == 2 && d.Name != name {
				t.Errorf("of %d is kept: number %d, seen %s, name %q", i, d.LastSeq, d.SeenAt, d.Name)
			}
		}
	}
	statuses, _ := say(4, "name 4")
	for i, status := range statuses {
		if status != http.StatusConflict {
			t.Errorf("%d went back, and got %d", i, status)
		}
	}
}

// A check-in that cannot be written keeps nobody else out, and nothing of it stays.
func TestOneThatFailsFailsAlone(t *testing.T) {
	o := servertest.New(t)
	ids := fleet(o, 6)
	o.Update(func(tx *sql.Tx) error { return storetest.Refuses(tx, "device_events", "no room for events") })
	statuses, _ := together(o, ids, func(i int) wire.CheckIn {
		in := request(fmt.Sprintf("C02%d", i), 2)
		if i == 3 {
			in.Events = []wire.Event{event("e1", "device.desktop_mfa.login.allow", o.Now(), map[string]string{})}
			in.Accounts[0].FullName = "Nobody"
		}
		return in
	})
	for i, status := range statuses {
		d := device(o, fmt.Sprintf("C02%d", i))
		if want := map[bool]int{false: 200, true: 500}[i == 3]; status != want {
			t.Errorf("%d: %d, want %d", i, status, want)
		}
		if want := map[bool]uint64{false: 2, true: 1}[i == 3]; d.LastSeq != want || account(o, d).FullName == "Nobody" {
			t.Errorf("%d: the last one taken is %d, want %d; %q is kept", i, d.LastSeq, want, account(o, d).FullName)
		}
	}
}

// broken is a registry that falls over: at a secret of one Mac, and when it is
// asked about any.
type broken struct {
	deviceapi.Registry
	serial string
	all    bool
}

func (b *broken) Register(ctx context.Context, tx *sql.Tx, d directory.Device, a directory.Account, u wire.SecretUpload) (wire.SecretResult, error) {
	if d.Serial == b.serial {
		panic("a mistake of ours")
	}
	return b.Registry.Register(ctx, tx, d, a, u)
}

func (b *broken) States(ctx context.Context, tx *sql.Tx, accounts []string) (map[string]recovery.State, error) {
	if b.all {
		panic("another one")
	}
	return b.Registry.States(ctx, tx, accounts)
}

// A mistake of ours is an error for whom it strikes, and the next are answered.
func TestAPanicEndsNoRound(t *testing.T) {
	o := servertest.New(t)
	ids := fleet(o, 6)
	book := &broken{Registry: o.Book, serial: "C023"}
	o.Serve("POST "+wire.CheckInPath, (&deviceapi.Server{DB: o.DB, Vault: o.Vault, Log: o.Log, Book: book, Trust: o.Trust, Zap: zap.NewNop(), Now: o.Now, Every: time.Minute,
		Pace: deviceapi.NewPace(1000, 1000)}).Handler())
	at := func(seq uint64) []int {
		statuses, _ := together(o, ids, func(i int) wire.CheckIn {
			in := request(fmt.Sprintf("C02%d", i), seq)
			_, up := upload(t, seq)
			in.Secrets = []wire.SecretUpload{up}
			return in
		})
		return statuses
	}
	for i, status := range at(2) {
		if want := map[bool]int{false: 200, true: 500}[i == 3]; status != want {
			t.Errorf("%d: %d, want %d", i, status, want)
		}
	}
	book.all = true
	for i, status := range at(3) {
		if status != 500 {
			t.Errorf("%d: %d while all fail", i, status)
		}
	}
	book.all, book.serial = false, ""
	for i, status := range at(4) {
		if status != 200 {
			t.Errorf("%d: %d after all is well", i, status)
		}
	}
}

// queue is a database of which the first to come waits until the others do, so
// that these are in one round.
type queue struct {
	deviceapi.Database
	of     *deviceapi.Server
	others int
	fails  error         // with which every transaction ends
	begun  chan struct{} // closed once the first has its round

	mu    sync.Mutex
	asked int
}

func (q *queue) Update(ctx context.Context, do func(tx *sql.Tx) error) error {
	q.mu.Lock()
	q.asked++
	first := q.asked == 1
	q.mu.Unlock()
	if first {
		close(q.begun)
	}
	for first && deviceapi.Waiting(q.of) < q.others {
		runtime.Gosched()
	}
	if q.fails != nil {
		return q.fails
	}
	return q.Database.Update(ctx, do)
}

// queued has the org's check-ins go through one.
func queued(o *servertest.Org, others int, fails error) *queue {
	q := &queue{Database: o.DB, others: others, fails: fails, begun: make(chan struct{})}
	q.of = &deviceapi.Server{DB: q, Vault: o.Vault, Log: o.Log, Book: o.Book, Trust: o.Trust, Zap: zap.NewNop(), Now: o.Now, Every: time.Minute, Pace: deviceapi.NewPace(1000, 1000)}
	o.Serve("POST "+wire.CheckInPath, q.of.Handler())
	return q
}

// What ails the database is not waited for once for each Mac.
func TestADatabaseInTroubleIsAskedOnceForAll(t *testing.T) {
	o := servertest.New(t)
	ids := fleet(o, 6)
	q := queued(o, 5, fmt.Errorf("begin: %w", store.ErrBusy))
	statuses, _ := behind(o, q.begun, ids, func(i int) wire.CheckIn { return request(fmt.Sprintf("C02%d", i), 2) })
	for i, status := range statuses {
		if status != http.StatusInternalServerError {
			t.Errorf("%d: %d", i, status)
		}
	}
	if q.asked != 2 {
		t.Errorf("the database was asked %d times: once for who came first, and once for all who waited", q.asked)
	}
}

// Two requests of one Mac under one number come at the same time, while others
// do: one is taken, and the other is that of a copy.
func TestTwoUnderOneNumberAtOnce(t *testing.T) {
	o := servertest.New(t)
	ids := fleet(o, 3)
	q := queued(o, 3, nil)
	statuses, _ := behind(o, q.begun, []servertest.Identity{ids[0], ids[1], ids[1], ids[2]}, func(i int) wire.CheckIn {
		in := request([]string{"C020", "C021", "C021", "C022"}[i], 2)
		in.Accounts[0].FullName = fmt.Sprint("Amy ", i)
		return in
	})
	if statuses[0] != 200 || statuses[3] != 200 || statuses[1]+statuses[2] != 200+409 {
		t.Errorf("%v, want one of the two in the middle to be 409", statuses)
	}
}
