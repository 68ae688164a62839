package hid

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/ctap"
)

// player is the key's side of a pipe: it sees each message that is sent, and
// answers as a test says.
type player struct {
	conn net.Conn
	in   assembly
}

// hear is the next message that is sent, or nothing once nobody sends any more.
func (p *player) hear() *message {
	for {
		var r report
		if _, err := io.ReadFull(p.conn, r[:]); err != nil {
			return nil
		}
		p.in.channel = channelID(binary.BigEndian.Uint32(r[:]))
		if m, err := p.in.take(r); err != nil || m != nil {
			return m
		}
	}
}

func (p *player) say(id channelID, cmd command, data ...byte) {
	all, _ := frames(id, cmd, data)
	p.put(all...)
}

func (p *player) put(all ...report) {
	for _, r := range all {
		_, _ = p.conn.Write(r[:])
	}
}

const given channelID = 0x0A0B0C0D

// welcome answers a CTAPHID_INIT on the channel it came on.
func (p *player) welcome(m *message) {
	p.say(p.in.channel, cmdInit, append(bytes.Clone(m.data), 0x0A, 0x0B, 0x0C, 0x0D, 2, 0, 0, 0, 0x04)...)
}

// talk runs a test against a key that is played, in a bubble's time.
func talk(t *testing.T, play func(*player), test func(t *testing.T, c *channel)) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		p := &player{conn: far}
		played := make(chan struct{})
		go func() {
			defer close(played)
			p.welcome(p.hear())
			play(p)
			for p.hear() != nil {
			}
		}()
		c, err := openChannel(t.Context(), newStream(near, nil))
		if err != nil {
			t.Fatal(err)
		}
		test(t, c)
		c.Close()
		<-played
	})
}

func TestKeyIsNotWaitedForWithoutEnd(t *testing.T) {
	first := func() report {
		all, _ := frames(given, cmdCBOR, make([]byte, 200))
		return all[0]
	}()
	for name, c := range map[string]struct {
		play func(*player)
		want error
		in   time.Duration
	}{
		"silent": {func(p *player) { p.hear() }, ctap.ErrSilent, silence},
		"breaks off": {func(p *player) {
			p.hear()
			p.put(first)
		}, ctap.ErrSilent, silence},
		"others talk": {func(p *player) {
			p.hear()
			for range 100 {
				time.Sleep(100 * time.Millisecond)
				p.say(99, cmdKeepAlive, 1)
			}
		}, ctap.ErrSilent, silence},
		"keeps alive for ever": {func(p *player) {
			p.hear()
			for range longest/(100*time.Millisecond) - 1 {
				time.Sleep(100 * time.Millisecond)
				p.say(given, cmdKeepAlive, 2)
			}
			p.hear()
		}, ctap.ErrTimeout, longest + cancelling},
		"busy for ever": {func(p *player) {
			for range busyTries {
				p.hear()
				p.say(given, cmdError, hidBusy)
			}
		}, ctap.ErrBusy, (busyTries - 1) * busyPause},
		"no channel twice": {func(p *player) {
			p.hear()
			p.say(given, cmdError, hidInvalidChannel)
			p.welcome(p.hear())
			p.hear()
			p.say(given, cmdError, hidInvalidChannel)
		}, ctap.ErrNonsense, 0},
		"times out itself":     {func(p *player) { p.hear(); p.say(given, cmdError, hidTimeout) }, ctap.ErrTimeout, 0},
		"another error":        {func(p *player) { p.hear(); p.say(given, cmdError, 0x7F) }, ctap.ErrNonsense, 0},
		"another command":      {func(p *player) { p.hear(); p.say(given, 0x03, 1) }, ctap.ErrNonsense, 0},
		"nothing in an answer": {func(p *player) { p.hear(); p.say(given, cmdCBOR) }, ctap.ErrNonsense, 0},
		"is pulled out":        {func(p *player) { p.hear(); p.conn.Close() }, ctap.ErrKeyGone, 0},
	} {
		t.Run(name, func(t *testing.T) {
			talk(t, c.play, func(t *testing.T, ch *channel) {
				began := time.Now()
				_, err := ch.Do(t.Context(), []byte{4}, nil)
				if took := time.Since(began); !errors.Is(err, c.want) || took != c.in {
					t.Errorf("%v after %v; want %v after %v", err, took, c.want, c.in)
				}
				if errors.Is(err, ctap.ErrCancelled) {
					t.Errorf("nobody cancelled: %v", err)
				}
			})
		})
	}
}

// A key that computes for long is waited for, and says so once for each state.
func TestSlowKey(t *testing.T) {
	talk(t, func(p *player) {
		p.hear()
		for _, state := range []byte{1, 1, 2, 2, 1} {
			time.Sleep(silence - time.Millisecond)
			p.say(given, cmdKeepAlive, state)
		}
		p.say(given, cmdCBOR, 0, 0xA0)
	}, func(t *testing.T, c *channel) {
		var seen []ctap.Waiting
		answer, err := c.Do(t.Context(), []byte{4}, func(w ctap.Waiting) { seen = append(seen, w) })
		if err != nil || !bytes.Equal(answer, []byte{0, 0xA0}) || len(seen) != 3 || seen[1] != ctap.UserPresence {
			t.Errorf("%x, %v; states %v", answer, err, seen)
		}
	})
}

// The late answer to a request that was given up is never that to the next one.
func TestLateAnswerIsThrownAway(t *testing.T) {
	talk(t, func(p *player) {
		p.hear()
		time.Sleep(silence + time.Second)
		p.say(given, cmdCBOR, 0, 1) // nobody waits any more
		m := p.hear()
		p.say(given, cmdCBOR, 0, 2) // and it comes while a new beginning is made
		if m.cmd != cmdInit {
			t.Errorf("the command 0x%02x instead of a new beginning", m.cmd)
		}
		p.welcome(m)
		p.hear()
		p.say(given, cmdCBOR, 0, 3)
	}, func(t *testing.T, c *channel) {
		if _, err := c.Do(t.Context(), []byte{1}, nil); !errors.Is(err, ctap.ErrSilent) {
			t.Fatal(err)
		}
		time.Sleep(2 * time.Second)
		if answer, err := c.Do(t.Context(), []byte{2}, nil); err != nil || !bytes.Equal(answer, []byte{0, 3}) {
			t.Errorf("%x, %v", answer, err)
		}
	})
}

// A cancelled request is cancelled on the key too; one that does not care is
// left after a moment.
func TestCancelReachesTheKey(t *testing.T) {
	for name, cares := range map[string]bool{"stops": true, "does not care": false} {
		t.Run(name, func(t *testing.T) {
			talk(t, func(p *player) {
				p.hear()
				p.say(given, cmdKeepAlive, 2)
				if m := p.hear(); m.cmd != cmdCancel || len(m.data) != 0 || p.in.channel != given {
					t.Errorf("the command 0x%02x on %x", m.cmd, p.in.channel)
				}
				if cares {
					p.say(given, cmdCBOR, 0x2D)
				} else {
					p.welcome(p.hear())
				}
				p.hear()
				p.say(given, cmdCBOR, 0, 7)
			}, func(t *testing.T, c *channel) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Second)
				defer cancel()
				began := time.Now()
				_, err := c.Do(ctx, []byte{1}, nil)
				took := time.Since(began)
				if !errors.Is(err, ctap.ErrCancelled) || !errors.Is(err, context.DeadlineExceeded) {
					t.Errorf("%v", err)
				}
				if want := map[bool]time.Duration{true: time.Second, false: time.Second + cancelling}[cares]; took != want {
					t.Errorf("took %v, want %v", took, want)
				}
				if answer, err := c.Do(t.Context(), []byte{2}, nil); err != nil || !bytes.Equal(answer, []byte{0, 7}) {
					t.Errorf("%x, %v", answer, err)
				}
			})
		})
	}
}

// A key that forgot the channel, as after sleep, is given a new one.
func TestForgottenChannelIsOpenedAnew(t *testing.T) {
	talk(t, func(p *player) {
		p.hear()
		p.say(given, cmdError, hidInvalidChannel)
		m := p.hear()
		if p.in.channel != broadcast {
			t.Errorf("asked for a channel on %x", p.in.channel)
		}
		p.welcome(m)
		p.hear()
		p.say(given, cmdError, hidBusy)
		p.hear()
		p.say(given, cmdCBOR, 0, 1)
	}, func(t *testing.T, c *channel) {
		if answer, err := c.Do(t.Context(), []byte{1}, nil); err != nil || !bytes.Equal(answer, []byte{0, 1}) {
			t.Errorf("%x, %v", answer, err)
		}
	})
}

func TestOneMessageAtATime(t *testing.T) {
	talk(t, func(p *player) {
		p.hear()
		p.say(given, cmdKeepAlive, 1)
		time.Sleep(time.Second)
		p.say(given, cmdCBOR, 0, 1)
	}, func(t *testing.T, c *channel) {
		answer, err := c.Do(t.Context(), []byte{1}, func(ctap.Waiting) {
			if _, err := c.Do(t.Context(), []byte{2}, nil); !errors.Is(err, ctap.ErrBusy) {
				t.Errorf("a second message: %v", err)
			}
		})
		if err != nil || len(answer) != 2 {
			t.Errorf("%x, %v", answer, err)
		}
	})
}

// Opening is bounded too, and another program's welcome is not taken.
func TestOpeningIsBounded(t *testing.T) {
	for name, c := range map[string]struct {
		play func(*player, *message)
		want error
	}{
		"silent":         {func(*player, *message) {}, ctap.ErrSilent},
		"another's":      {func(p *player, m *message) { p.welcome(&message{data: []byte("87654321")}) }, ctap.ErrSilent},
		"a broken one":   {func(p *player, m *message) { p.say(broadcast, cmdInit, m.data...) }, ctap.ErrNonsense},
		"a reserved one": {func(p *player, m *message) { p.say(broadcast, cmdInit, append(m.data, make([]byte, 9)...)...) }, ctap.ErrNonsense},
		"pulled out":     {func(p *player, _ *message) { p.conn.Close() }, ctap.ErrKeyGone},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				near, far := net.Pipe()
				p := &player{conn: far}
				go func() { c.play(p, p.hear()) }()
				began := time.Now()
				_, err := openChannel(t.Context(), newStream(near, nil))
				if !errors.Is(err, c.want) || time.Since(began) > silence {
					t.Errorf("%v after %v, want %v", err, time.Since(began), c.want)
				}
				far.Close()
			})
		})
	}
}

// A device that takes no reports is given up.
func TestDeviceThatTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer far.Close()
		if _, err := openChannel(t.Context(), newStream(near, nil)); !errors.Is(err, ctap.ErrKeyGone) {
			t.Error(err)
		}
	})
}
