package hid

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

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
	thread  sync.WaitGroup
	writing sync.Mutex // held while macOS has the device for a report, and by whoever releases it
	loop    uintptr    // of the thread while it runs; guarded by writing
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
	d := &macDevice{kit: k, device: device, in: make(chan report, waitingReports), buffer: new(report)}
	k.mu.Lock()
	k.last++
	d.number = k.last
	k.open[d.number] = d
	k.mu.Unlock()
	ready := make(chan struct{})
	d.thread.Go(func() { d.run(ready) })
	<-ready // what is answered before would be lost
	return d, nil
}

// run is the device's thread. It tells when reports are received.
func (d *macDevice) run(ready chan<- struct{}) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	var pin runtime.Pinner
	pin.Pin(d.buffer)
	defer pin.Unpin()
	defer close(d.in)
	k, loop := d.kit, d.kit.currentLoop()
	d.writing.Lock()
	d.loop = loop
	d.writing.Unlock()
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
	// Nothing calls back from here on.
	k.onReportCall(d.device, &d.buffer[0], reportSize, 0, 0)
	k.onRemovalCall(d.device, 0, 0)
	k.unschedule(d.device, loop, k.defaultMode)
	k.mu.Lock()
	delete(k.open, d.number)
	k.mu.Unlock()
	d.writing.Lock()
	defer d.writing.Unlock()
	d.loop = 0
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

func (d *macDevice) write(r report) error {
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

// Close implements device.
func (d *macDevice) Close() error {
	d.closing.Store(true)
	d.writing.Lock()
	if d.loop != 0 {
		d.kit.stopLoop(d.loop) // else it sees within a turn that it is to end
	}
	d.writing.Unlock()
	d.thread.Wait()
	return nil
}
