package adminapi_test

import (
	"database/sql"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/directory"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

type disarm struct {
	State                     string
	OrderedAt, Until, HeardAt *time.Time
}

// endedDisarm ends one that was ordered elsewhere.
func (c *console) endedDisarm(device string) {
	c.T.Helper()
	path := "/api/v1/devices/" + device + "/disarm"
	var got disarm
	if c.must(200, "GET", path, nil, &got); got != (disarm{State: "none"}) {
		c.T.Errorf("%+v", got)
	}
	if status := c.ask(access.SuperAdmin, "DELETE", path, nil, nil); status != http.StatusConflict {
		c.T.Errorf("the end of nothing: %d", status)
	}
	var until time.Time
	c.Update(func(tx *sql.Tx) (err error) {
		_, until, err = directory.OrderDisarm(c.T.Context(), tx, device, c.Now())
		return err
	})
	if c.must(200, "GET", path, nil, &got); got.State != "waiting" || got.Until == nil || !got.Until.Equal(until) || got.HeardAt != nil {
		c.T.Errorf("%+v", got)
	}
	if status := c.ask(access.OrgAdmin, "DELETE", path, nil, nil); status != http.StatusForbidden {
		c.T.Errorf("an org admin ends it: %d", status)
	}
	c.must(202, "DELETE", path, nil, nil)
	if c.must(200, "GET", path, nil, &got); got.State != "ending" {
		c.T.Errorf("%+v", got)
	}
}

// A token is no proof that somebody is there: the answer says where to go, and
// the try is told to the log.
func TestATokenDisarmsNothing(t *testing.T) {
	c := newConsole(t)
	dev, _, _, id, in := c.mac("C02A", "amy", "")
	path := "/api/v1/devices/" + dev + "/disarm"
	said := c.send("SSWS "+c.tokens[access.SuperAdmin], "POST", path, []byte(`{"reason":"lost phones"}`))
	if said.Code != http.StatusForbidden || !strings.Contains(said.Body.String(), "an API token cannot") || !strings.Contains(said.Body.String(), "use the console") {
		t.Errorf("%d %s", said.Code, said.Body)
	}
	if _, out, _ := c.CheckIn(&id, in); len(out.Commands) != 0 {
		t.Errorf("the Mac hears %+v", out.Commands)
	}
	if e := c.Events(systemlog.LoginRightDisarm); len(e) != 1 || e[0].Outcome.Result != systemlog.Denied || e[0].Targets[0].ID != dev {
		t.Errorf("events %+v", e)
	}
	for _, body := range []string{``, `{"reason":1}`, `{"why":"x"}`} {
		if said := c.send("SSWS "+c.tokens[access.SuperAdmin], "POST", path, []byte(body)); said.Code != http.StatusBadRequest {
			t.Errorf("%s: %d", body, said.Code)
		}
	}
}
