package machine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strings"
)

// Read takes the machine from a JSON file for development, or with "" from what
// Linux knows of itself.
func Read(file string) (Machine, error) {
	m := Machine{OS: "Linux/" + runtime.GOARCH, Model: firstLine("/sys/class/dmi/id/product_name"), Zone: "UTC"}
	id := firstLine("/etc/machine-id")
	m.UDID, m.Serial = id, strings.ToUpper("LX"+id[:min(10, len(id))])
	m.Name, _ = os.Hostname()
	if file != "" {
		raw, err := os.ReadFile(file)
		if err != nil {
			return Machine{}, fmt.Errorf("read the machine file: %w", err)
		}
		d := json.NewDecoder(bytes.NewReader(raw))
		d.DisallowUnknownFields()
		if err := d.Decode(&m); err != nil {
			return Machine{}, fmt.Errorf("read the machine file %s: %w", file, err)
		}
	}
	if m.UDID == "" || m.Serial == "" || m.Name == "" {
		return Machine{}, fmt.Errorf("read the machine: no udid, serial or name (a machine file can name them)")
	}
	return m, nil
}

func firstLine(path string) string {
	raw, _ := os.ReadFile(path)
	line, _, _ := strings.Cut(string(raw), "\n")
	return strings.TrimSpace(line)
}
