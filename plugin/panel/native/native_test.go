package native

import (
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/wire"
)

// pane is a window without a display: it notes what it is told.
type pane struct {
	mu     sync.Mutex
	d      *drawing
	views  []view
	counts []string
	fails  bool
}

func (p *pane) Draw(content []byte) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fails {
		panic("a defect")
	}
	var v view
	if err := json.Unmarshal(content, &v); err != nil {
		panic(err)
	}
	p.views = append(p.views, v)
}

func (p *pane) Count(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.counts = append(p.counts, line)
}

func (p *pane) Close() { go p.d.gone() }

func opened(t *testing.T) (*pane, *drawing) {
	t.Helper()
	p := &pane{}
	d, err := start(english(), time.Now, func(d *drawing) (face, error) { p.d = d; return p, nil })
	if err != nil {
		t.Fatal(err)
	}
	return p, d
}

func TestAConversation(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p, d := opened(t)
		s := codeScreen(1)
		s.Deadline = time.Now().Add(3*time.Second + time.Millisecond)
		d.Show(s)
		synctest.Wait()
		time.Sleep(4500 * time.Millisecond)
		d.told([]byte(`{"seq":1,"action":"submit","choice":"","values":{"code":"123"}}`))
		synctest.Wait()
		d.told([]byte(`nonsense`))
		d.told([]byte(`{"seq":1,"action":"submit","choice":"a","values":{"code":"123456"}}`))
		if a := <-d.Acts(); a.Values["code"] != "123456" || a.Choice != "a" {
			t.Errorf("got %+v", a)
		}
		synctest.Wait()
		if err := d.Close(); err != nil {
			t.Error(err)
		}
		if len(p.views) != 3 || p.views[0].Count != "Time left 0:04" || p.views[1].Remark == "" || !p.views[2].Busy {
			t.Errorf("drawn: %+v", p.views)
		}
		if want := []string{"Time left 0:03", "Time left 0:02", "Time left 0:01", "Time left 0:00"}; len(p.counts) == 0 || p.counts[len(p.counts)-1] != want[3] {
			t.Errorf("counted %q", p.counts)
		}
		if _, open := <-d.Acts(); open {
			t.Error("acts come from a panel that is closed")
		}
		if err := d.Close(); err != nil {
			t.Error("closed twice:", err)
		}
	})
}

// TestNobodyReads: the main thread is never held, however much is pressed.
func TestNobodyReads(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, d := opened(t)
		d.Show(codeScreen(1))
		synctest.Wait()
		for range 200 {
			d.told([]byte(`{"seq":1,"action":"back"}`))
			d.told([]byte(`{"seq":1,"action":"submit","values":{"code":"123456"}}`))
		}
		synctest.Wait()
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
}

// TestADefectEndsThePanel: its acts are closed, and the prompt goes to the gate.
func TestADefectEndsThePanel(t *testing.T) {
	p, d := opened(t)
	p.fails = true
	d.Show(codeScreen(1))
	if _, open := <-d.Acts(); open {
		t.Error("an act without a window")
	}
	if err := d.Close(); err != nil {
		t.Error(err)
	}
}

func TestNoApplication(t *testing.T) {
	if _, err := start(english(), time.Now, func(*drawing) (face, error) { return nil, errNoApplication }); !errors.Is(err, errNoApplication) {
		t.Errorf("%v", err)
	}
}

func FuzzEvent(f *testing.F) {
	f.Add([]byte(`{"seq":1,"action":"submit","choice":"a","values":{"code":"123456"}}`))
	f.Add([]byte(`{"values":{"":null}}`))
	f.Fuzz(func(t *testing.T, content []byte) {
		d := &drawing{presses: make(chan event, 1)}
		d.told(content)
		select {
		case e := <-d.presses:
			m := &model{words: english()}
			m.show(codeScreen(1))
			act, _ := m.press(e, noon())
			if act == nil {
				return
			}
			if _, err := wire.ActFrom(act.Dictionary()); err != nil && len(act.Values["code"]) <= wire.MaxValue {
				t.Errorf("%s makes an act that the daemon refuses: %v", content, err)
			}
		default:
		}
	})
}
