package checkin

import (
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestRecordIsKeptAndHidden(t *testing.T) {
	records := memory{}
	s := KeptIn(records)
	if rec, err := s.Load(); err != nil || rec != (Record{}) {
		t.Fatalf("%v, %v", rec, err)
	}
	want := Record{Seq: 7, URL: "https://a", Token: "hunter2", DeviceID: "d", Answered: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)}
	if err := s.Save(want); err != nil {
		t.Fatal(err)
	}
	got, err := KeptIn(records).Load()
	if err != nil || got.Seq != 7 || got.Token != "hunter2" || !got.Answered.Equal(want.Answered) {
		t.Errorf("%v, %v", got, err)
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%d"} {
		if strings.Contains(fmt.Sprintf(verb, got), "hunter2") {
			t.Errorf("%s shows the token", verb)
		}
	}
	records[recordKey] = []byte("{")
	if _, err := s.Load(); err == nil {
		t.Error("a broken record was read")
	}
}

type memory map[string][]byte

func (m memory) Read(key string) ([]byte, error) { return m[key], nil }
func (m memory) Write(changes map[string][]byte) error {
	for k, v := range changes {
		m[k] = v
	}
	return nil
}

func TestLoadRoots(t *testing.T) {
	o := newOrg(t)
	o.answer = acceptAll
	m, _ := newMac(t, o)
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: o.ca.cert.Raw}), 0o644); err != nil {
		t.Fatal(err)
	}
	roots, err := LoadRoots(file)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.runner(roots).Now(t.Context()); err != nil {
		t.Error(err)
	}
	if err := os.WriteFile(file, []byte("nothing"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadRoots(file); err == nil || !strings.Contains(err.Error(), "BEGIN CERTIFICATE") {
		t.Error(err)
	}
	if _, err := LoadRoots(file + ".none"); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
}
