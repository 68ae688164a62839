package agent

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// FuzzLine: whatever is typed, an act has only what its screen offers.
func FuzzLine(f *testing.F) {
	f.Add("123456", false)
	f.Add("/back", true)
	f.Add("2", true)
	f.Fuzz(func(t *testing.T, text string, choose bool) {
		l := NewLines(io.Discard)
		s := codeScreen()
		if choose {
			s = chooseScreen()
		}
		l.Show(s)
		l.Echo = func(bool) {}
		act, ok := l.line(text)
		if !ok {
			return
		}
		if act.Choice != "" && act.Choice != "B" || act.Action != wire.ActionSubmit && act.Action != wire.ActionAnother && act.Action != wire.ActionBack {
			t.Errorf("%q does %+v", text, act)
		}
		if _, err := wire.ActFrom(act.Dictionary()); err != nil && choose {
			t.Errorf("%q: %v", text, err)
		}
	})
}

// FuzzForm: whatever a browser sends, an act has only the fields of its screen.
func FuzzForm(f *testing.F) {
	f.Add("seq=7&action=submit&field-code=123456")
	f.Add("seq=x&field-other=1")
	f.Fuzz(func(t *testing.T, body string) {
		r, err := http.NewRequest(http.MethodPost, "/act", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		if r.ParseForm() != nil {
			return
		}
		p := &Page{}
		p.talk = &pageTalk{page: p, screen: codeScreen()}
		if _, act, ok := p.actFrom(r); ok && len(act.Values) != 1 {
			t.Errorf("%q: %+v", body, act)
		}
	})
}
