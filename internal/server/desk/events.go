package desk

import (
	"context"
	"database/sql"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/systemlog"
)

// Events are those of the system log that q picks.
func (k *Desk) Events(ctx context.Context, q systemlog.Query) (found []systemlog.Event, err error) {
	err = k.view(ctx, access.LogsRead, func(tx *sql.Tx) error {
		found, err = k.Log.Find(ctx, tx, q)
		return err
	})
	return found, err
}

// exportPage is how many events one transaction of an export reads.
const exportPage = 1000

// ExportEvents records that the caller takes what q picks out of the server, and
// returns what goes through it: the oldest first, up to the event of the export
// itself, page by page.
func (k *Desk) ExportEvents(ctx context.Context, q systemlog.Query) (export func(each func([]systemlog.Event) error) error, err error) {
	var last uint64
	err = k.update(ctx, access.LogsRead, func(tx *sql.Tx) error {
		err := k.event(ctx, tx, systemlog.Event{Type: systemlog.LogExport, Message: "System Log exported", Detail: map[string]string{"event": q.Type, "words": strings.Join(q.Words, " ")}})
		if err != nil {
			return err
		}
		newest, err := k.Log.Find(ctx, tx, systemlog.Query{Newest: true, Limit: 1})
		if err == nil && len(newest) > 0 {
			last = newest[0].Seq
		}
		return err
	})
	q.Newest, q.Limit, q.After = false, exportPage, 0
	return func(each func([]systemlog.Event) error) error {
		for {
			found, err := k.Events(ctx, q)
			if err != nil {
				return err
			}
			for i, e := range found {
				if e.Seq > last {
					return each(found[:i])
				}
			}
			if err := each(found); err != nil || len(found) < exportPage {
				return err
			}
			q.After = found[len(found)-1].Seq
		}
	}, err
}

// VerifyLog walks the whole chain of the system log.
func (k *Desk) VerifyLog(ctx context.Context) (v systemlog.Verdict, err error) {
	err = k.view(ctx, access.LogsRead, func(tx *sql.Tx) error {
		v, err = k.Log.Verify(ctx, tx)
		return err
	})
	return v, err
}
