package hid

import (
	"io"
	"sync"
	"time"
)

// stream is a device that is read and written like a file.
type stream struct {
	file   io.ReadWriteCloser
	prefix []byte // of each report that is written
	in     chan report
	closed chan struct{}
	once   sync.Once
	reader sync.WaitGroup
}

func newStream(file io.ReadWriteCloser, prefix []byte) *stream {
	s := &stream{file: file, prefix: prefix, in: make(chan report, waitingReports), closed: make(chan struct{})}
	s.reader.Go(s.read)
	return s
}

func (s *stream) read() {
	defer close(s.in)
	for {
		var r report
		if _, err := io.ReadFull(s.file, r[:]); err != nil {
			return
		}
		select {
		case s.in <- r:
		case <-s.closed:
			return
		}
	}
}

func (s *stream) reports() <-chan report { return s.in }

// write gives up, and the device with it, when nobody takes the report.
func (s *stream) write(r report) error {
	timer := time.AfterFunc(silence, func() { _ = s.file.Close() })
	defer timer.Stop()
	_, err := s.file.Write(append(s.prefix[:len(s.prefix):len(s.prefix)], r[:]...))
	return err
}

// Close implements device.
func (s *stream) Close() (err error) {
	s.once.Do(func() {
		close(s.closed)
		err = s.file.Close()
	})
	s.reader.Wait()
	return err
}
