package deviceapi_test

import (
	"database/sql"
	"fmt"
	"sync"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/server/pki"
	"github.com/latchkey-mfa/latchkey/internal/server/servertest"
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
	statuses, answers = make([]int, len(ids)), make([]wire.CheckInAnswer, len(ids))
	var all sync.WaitGroup
	for i := range ids {
		all.Go(func() { statuses[i], answers[i], _ = o.CheckIn(&ids[i], request(i)) })
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
			if a := account(o, d); a.FullName != fmt.Sprintf("Amy %d, %d", i%macs, seq) || !a.SeenAt.Equal(o.Now()) {
				t.Errorf("%d: kept %q, seen %s", i, a.FullName, a.SeenAt)
			}
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
