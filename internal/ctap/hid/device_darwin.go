package hid

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/ctap"
)

const (
	outputReport = 1   // kIOHIDReportTypeOutput
	loopFinished = 1   // kCFRunLoopRunFinished: the device is not there any more
	loopTurn     = 0.2 // seconds, after which the loop looks whether it is to end
)

// macDevice is an open device. Its run loop has a thread of its own, on which
// macOS calls back.
type macDevice struct {
	kit     *ioKit
	device  uintptr
	number  uintptr
	in      chan report
	buffer  *report // macOS writes reports into it
	closing atomic.Bool
	gone    atomic.Bool
	ended   chan struct{}
	writing sync.Mutex // held while macOS has the device for a report, and by whoever releases it
	looping sync.Mutex
	loop    uintptr // of the thread while it runs; guarded by looping
}

// openDevice opens the device with a number of the I/O Registry. It is not
// seized: channels are there so that programs can share a key.
func (k *ioKit) openDevice(id uint64) (*macDevice, error) {
	service := k.findService(0, k.idMatching(id)) // which consumes the dictionary
	if service == 0 {
		return nil, ctap.ErrKeyGone
	}
	defer k.freeObject(service)
	device := k.deviceCreate(0, service)
	if device == 0 {
		return nil, ctap.ErrKeyGone
	}
	if code := k.deviceOpen(device, 0); code != 0 {
		k.release(device)
		return nil, fmt.Errorf("IOHIDDeviceOpen: 0x%08x", uint32(code))
	}
	d := &macDevice{kit: k, device: device, in: make(chan report, waitingReports), buffer: new(report), ended: make(chan struct{})}
	k.mu.Lock()
	k.last++
	d.number = k.last
	k.open[d.number] = d
	k.mu.Unlock()
	ready := make(chan struct{})
	go d.run(ready)
	<-ready // what is answered before would be lost
	return d, nil
}

// run is the device's thread. It tells when reports are received.
func (d *macDevice) run(ready chan<- struct{}) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	defer close(d.ended)
	var pin runtime.Pinner
	pin.Pin(d.buffer)
	defer pin.Unpin()
	k, loop := d.kit, d.kit.currentLoop()
	d.setLoop(loop)
	k.onReportCall(d.device, &d.buffer[0], reportSize, k.onReport, d.number)
	k.onRemovalCall(d.device, k.onRemoval, d.number)
	k.schedule(d.device, loop, k.defaultMode)
	close(ready)
	for !d.closing.Load() && !d.gone.Load() {
		if k.runLoop(k.defaultMode, loopTurn, true) == loopFinished {
			break
		}
	}
	d.gone.Store(true)
	d.setLoop(0)
	// Nothing calls back from here on. A callback is taken away by its context.
	k.onReportCall(d.device, &d.buffer[0], reportSize, 0, d.number)
	k.onRemovalCall(d.device, 0, d.number)
	k.unschedule(d.device, loop, k.defaultMode)
	k.mu.Lock()
	delete(k.open, d.number)
	k.mu.Unlock()
	close(d.in)
	d.writing.Lock()
	defer d.writing.Unlock()
	k.deviceClose(d.device, 0)
	k.release(d.device)
}

func (k *ioKit) byNumber(number uintptr) *macDevice {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.open[number]
}

// reported is called by macOS, on the device's thread, with a report. One that
// nobody takes is dropped: the channel refuses what is then out of sequence.
func (k *ioKit) reported(context uintptr, result int32, _ uintptr, _ int32, _ uint32, data *report, size int) uintptr {
	d := k.byNumber(context)
	if d == nil || result != 0 || size != reportSize || data == nil {
		return 0
	}
	select {
	case d.in <- *data:
	default:
	}
	return 0
}

// removed is called by macOS, on the device's thread, when the key was pulled out.
func (k *ioKit) removed(context uintptr, _ int32, _ uintptr) uintptr {
	if d := k.byNumber(context); d != nil {
		d.gone.Store(true)
		k.stopLoop(k.currentLoop())
	}
	return 0
}

func (d *macDevice) reports() <-chan report { return d.in }

// write gives up, and the device with it, when macOS does not get the report off.
func (d *macDevice) write(r report) error {
	sent := make(chan error, 1)
	go func() { sent <- d.send(r) }()
	timer := time.NewTimer(silence)
	defer timer.Stop()
	select {
	case err := <-sent:
		return err
	case <-timer.C:
		d.gone.Store(true)
		return errors.New("the device takes no report")
	}
}

func (d *macDevice) send(r report) error {
	d.writing.Lock()
	defer d.writing.Unlock()
	if d.gone.Load() {
		return errors.New("the device is closed")
	}
	if code := d.kit.setReport(d.device, outputReport, 0, &r[0], reportSize); code != 0 {
		return fmt.Errorf("IOHIDDeviceSetReport: 0x%08x", uint32(code))
	}
	return nil
}

func (d *macDevice) setLoop(loop uintptr) {
	d.looping.Lock()
	defer d.looping.Unlock()
	d.loop = loop
}

// Close implements device. A thread that macOS does not let go is not waited
// for without end: it closes the device when it can.
func (d *macDevice) Close() error {
	d.closing.Store(true)
	d.looping.Lock()
	if d.loop != 0 {
		d.kit.stopLoop(d.loop) // else it sees within a turn that it is to end
	}
	d.looping.Unlock()
	timer := time.NewTimer(silence)
	defer timer.Stop()
	select {
	case <-d.ended:
		return nil
	case <-timer.C:
		return errors.New("macOS has not closed the device yet")
	}
}
