package softkey

import (
	"crypto/rand"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Options are what kind of key it is. The zero value is one of CTAP 2.1 with
// both PIN protocols and without a PIN.
type Options struct {
	Versions       []string // in place of FIDO_2_0 and FIDO_2_1
	Protocols      []int    // PIN protocols, in place of 2 and 1
	PIN            string   // set before it is plugged in; empty: none
	NoPermissions  bool     // tokens without permissions, as before CTAP 2.1
	Fingerprint    bool     // it has a sensor, with a finger enrolled
	ForcePINChange bool
	MaxCredentials int           // in one list; 0: as many as fit
	CountsNothing  bool          // its counter stays 0
	NoCBOR         bool          // it speaks U2F alone
	Patience       time.Duration // it waits for a touch, 30 s when 0
}

// Touch is what the person at the key does when it blinks.
type Touch int

// AtOnce touches it, OnDemand only when the script calls Touch, Never not at all.
const (
	AtOnce Touch = iota
	OnDemand
	Never
)

// Key is one key. Its methods may be called at any time, from any goroutine.
type Key struct {
	socket  string
	options Options

	mu       sync.Mutex
	memory   memory // kept without power
	power    power  // lost without
	touch    Touch
	touched  chan struct{}
	finger   bool
	fault    Fault
	channels uint32
	blinking int // requests that wait for a touch

	listener net.Listener
	conns    map[net.Conn]bool
	running  sync.WaitGroup
	session  chan struct{} // holds one value while a request is under way
}

// memory survives being pulled out.
type memory struct {
	secret    [32]byte // what credentials are sealed with
	pinHash   []byte   // left half of SHA-256
	retries   int
	uvRetries int
	counter   uint32
}

// power is what a key forgets when it is pulled out.
type power struct {
	misses int // wrong PINs in a row
	pin    map[int]*pinSide
}

// Plug puts a new key in, as name.sock in a folder.
func Plug(dir, name string, o Options) (*Key, error) {
	k := newKey(dir, name, o)
	_, _ = rand.Read(k.memory.secret[:]) // never fails
	if o.PIN != "" {
		k.SetPIN(o.PIN)
	}
	return k, k.PutIn()
}

func newKey(dir, name string, o Options) *Key {
	if o.Versions == nil {
		o.Versions = []string{"FIDO_2_0", "FIDO_2_1"}
	}
	if o.Protocols == nil {
		o.Protocols = []int{2, 1}
	}
	if o.Patience == 0 {
		o.Patience = 30 * time.Second
	}
	return &Key{
		socket: filepath.Join(dir, name+".sock"), options: o, finger: true,
		memory:  memory{retries: maxRetries, uvRetries: maxUVRetries},
		touched: make(chan struct{}, 1), session: make(chan struct{}, 1),
	}
}

// Clone puts a copy of the key in, with all that it knows now: each of the two
// goes on counting by itself.
func (k *Key) Clone(dir, name string) (*Key, error) {
	c := newKey(dir, name, k.options)
	k.mu.Lock()
	c.memory = k.memory
	k.mu.Unlock()
	return c, c.PutIn()
}

// PutIn plugs the key in, again after Pull.
func (k *Key) PutIn() error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.listener != nil {
		return errors.New("the key is plugged in already")
	}
	pin := map[int]*pinSide{}
	for _, p := range k.options.Protocols {
		side, err := newPINSide()
		if err != nil {
			return err
		}
		pin[p] = side
	}
	listener, err := net.Listen("unix", k.socket)
	if err != nil {
		return fmt.Errorf("plug the key in: %w", err)
	}
	k.power = power{pin: pin}
	k.listener, k.conns = listener, map[net.Conn]bool{}
	k.running.Go(func() { k.accept(listener) })
	return nil
}

// Pull pulls the key out: whoever talks to it hears no more.
func (k *Key) Pull() error {
	k.mu.Lock()
	listener := k.listener
	k.listener = nil
	var err error
	if listener != nil {
		err = listener.Close() // which removes the socket
	}
	for conn := range k.conns {
		_ = conn.Close()
	}
	k.mu.Unlock()
	k.running.Wait()
	return err
}

// Close pulls the key out for good.
func (k *Key) Close() error {
	err := k.Pull()
	_ = os.Remove(k.socket)
	return err
}

// SetTouch says what the person does from now on.
func (k *Key) SetTouch(t Touch) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.touch = t
}

// Touch touches the key once: the request that blinks, or the next one.
func (k *Key) Touch() {
	select {
	case k.touched <- struct{}{}:
	default: // it is being touched already
	}
}

// Blinking reports whether the key waits for a touch.
func (k *Key) Blinking() bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.blinking > 0
}

// Open is how many programs have the key open.
func (k *Key) Open() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.conns)
}

// SetPIN gives the key a PIN as its owner would, and all tries.
func (k *Key) SetPIN(pin string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.memory.pinHash, k.memory.retries = pinHash([]byte(pin)), maxRetries
}

// SetFinger says whose finger lies on the sensor: one that is enrolled, or another.
func (k *Key) SetFinger(enrolled bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.finger = enrolled
}

// Break has the key fail in a way from now on; None mends it.
func (k *Key) Break(f Fault) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.fault = f
}

func (k *Key) broken() Fault {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.fault
}
