package storetest

import (
	"maps"
	"slices"
	"strings"
	"sync"
)

// Memory is records without a disk, for tests that begin anew thousands of
// times a second. Its zero value is empty. It is safe for concurrent use.
type Memory struct {
	mu      sync.Mutex
	records map[string][]byte
}

// With is the records given.
func With(records map[string][]byte) *Memory { return &Memory{records: maps.Clone(records)} }

// Read is the record at key, or nil.
func (m *Memory) Read(key string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.records[key], nil
}

// List is up to limit records below prefix, in key order.
func (m *Memory) List(prefix string, limit int) (keys []string, values [][]byte, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(m.records)) {
		if strings.HasPrefix(key, prefix) && len(keys) < limit {
			keys, values = append(keys, key), append(values, m.records[key])
		}
	}
	return keys, values, nil
}

// Write puts the changes; nil removes.
func (m *Memory) Write(changes map[string][]byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.records == nil {
		m.records = map[string][]byte{}
	}
	for key, value := range changes {
		if value == nil {
			delete(m.records, key)
		} else {
			m.records[key] = value
		}
	}
	return nil
}
