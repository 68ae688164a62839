package macos

import (
	"strings"
	"testing"
)

func mac() Hardware {
	return Hardware{UUID: "7A1E9D50-3C44-5B8E-9F02-1D6B8E0C4A77", Serial: "C02XK0AAJGH5", Model: "MacBookPro18,3", Name: "Ada’s MacBook Pro", OS: "15.1"}
}

func TestParseHardware(t *testing.T) {
	with := func(change func(*Hardware)) Hardware { h := mac(); change(&h); return h }
	for _, tt := range []struct {
		name string
		raw  Hardware
		want Hardware
		err  string
	}{
		{"a Mac", mac(), mac(), ""},
		{"a serial number with its NULs", with(func(h *Hardware) { h.Serial = "C02XK0AAJGH5\x00\x00" }), mac(), ""},
		{"blanks", with(func(h *Hardware) { h.Serial = " C02XK0AAJGH5 " }), mac(), ""},
		{"a UUID as it is spelt", with(func(h *Hardware) { h.UUID = strings.ToLower(h.UUID) }), with(func(h *Hardware) { h.UUID = strings.ToLower(h.UUID) }), ""},
		{"no name", with(func(h *Hardware) { h.Name = "" }), with(func(h *Hardware) { h.Name = "adas-macbook" }), ""},
		{"no serial number", with(func(h *Hardware) { h.Serial = "" }), Hardware{}, "IOPlatformSerialNumber is empty"},
		{"a serial number of two lines", with(func(h *Hardware) { h.Serial = "C02\nXK0" }), Hardware{}, "IOPlatformSerialNumber is empty"},
		{"no UUID", with(func(h *Hardware) { h.UUID = "" }), Hardware{}, `IOPlatformUUID is "", which is no UUID`},
		{"no model and no system", with(func(h *Hardware) { h.Model, h.OS = "", strings.Repeat("9", 300) }), Hardware{}, "hw.model is empty or cannot be read\nkern.osproductversion"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := parseHardware(tt.raw, "adas-macbook.local")
			if got != tt.want || (err == nil) != (tt.err == "") || err != nil && !strings.Contains(err.Error(), tt.err) {
				t.Errorf("%+v, %v\nwant %+v, %q", got, err, tt.want, tt.err)
			}
		})
	}
}

// FuzzHardware: a Mac that can be told from others, or an error and none.
func FuzzHardware(f *testing.F) {
	h := mac()
	f.Add(h.UUID, h.Serial, h.Model, h.Name, h.OS, "host.local")
	f.Add("", "\x00", "\xff", "", "15", "")
	f.Fuzz(func(t *testing.T, uuid, serial, model, name, os, host string) {
		got, err := parseHardware(Hardware{UUID: uuid, Serial: serial, Model: model, Name: name, OS: os}, host)
		if err != nil {
			if got != (Hardware{}) {
				t.Errorf("%+v with %v", got, err)
			}
			return
		}
		if !isUUID(strings.ToUpper(got.UUID)) {
			t.Errorf("%q is a UUID", got.UUID)
		}
		for _, value := range []string{got.Serial, got.Model, got.Name, got.OS} {
			if value == "" || len(value) > maxFact || value != fact(value) {
				t.Errorf("took %q", value)
			}
		}
	})
}
