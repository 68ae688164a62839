package plist

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

const samples = "../../testdata/profiles"

func sample(t testing.TB, name string) []byte {
	t.Helper()
	raw, err := os.ReadFile(filepath.Join(samples, name))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

// doc puts body into a property list that begins on line 1.
func doc(body string) []byte { return []byte(`<plist version="1.0">` + body + `</plist>`) }

func TestJamfSample(t *testing.T) {
	d, err := Parse(sample(t, "jamf-pro.plist"))
	if err != nil {
		t.Fatal(err)
	}
	if d.Format != XML || d.Root.Kind != Dict || len(d.Root.Entries) != 9 {
		t.Fatalf("%v %v with %d keys", d.Format, d.Root.Kind, len(d.Root.Entries))
	}
	e, _ := d.Root.Get("LoginPeriodWithOfflineFactor")
	if n, ok := e.Value.Number(); !ok || n != 24 || e.At != (Position{11, 1}) || e.Value.At != (Position{12, 1}) {
		t.Errorf("%+v", e)
	}
	list, _ := d.Root.Get("MFARequiredList")
	if list.Value.At != (Position{21, 28}) || len(list.Value.Items) != 1 || list.Value.Items[0].Text != "*" {
		t.Errorf("%+v", list)
	}
	if first := d.Root.Entries[0]; first.Key != "DMFAClientID" || first.Value.Text != "YOUR_CLIENT_ID" {
		t.Errorf("the first key is %+v", first)
	}
}

func TestKandjiSample(t *testing.T) {
	d, err := Parse(sample(t, "kandji.mobileconfig"))
	if err != nil {
		t.Fatal(err)
	}
	content, _ := d.Root.Get("PayloadContent")
	payload, _ := content.Value.Items[0].Get("PayloadContent")
	domain, _ := payload.Value.Get("com.okta.deviceaccess.servicedaemon")
	forced, _ := domain.Value.Get("Forced")
	settings, _ := forced.Value.Items[0].Get("mcx_preference_settings")
	duration, ok := settings.Value.Get("DeviceRecoveryPINDuration")
	if n, _ := duration.Value.Number(); !ok || n != 60 || duration.At.Line != 63 {
		t.Errorf("%+v", duration)
	}
	if empty, _ := d.Root.Get("PayloadDescription"); empty.Value.Kind != String || empty.Value.Text != "" {
		t.Errorf("<string/> is %+v", empty)
	}
}

func TestWorkspaceONESample(t *testing.T) {
	raw := sample(t, "workspace-one.fragment.xml")
	if _, err := Parse(raw); err == nil || err.Error() != "line 1, column 1: the first element is <dict>; a property list begins with <plist>" {
		t.Errorf("as a document: %v", err)
	}
	d, err := ParseFragment(raw)
	if err != nil {
		t.Fatal(err)
	}
	if e, ok := d.Root.Get("PayloadType"); !ok || e.Value.Text != "com.apple.ManagedClient.preferences" {
		t.Errorf("%+v", e)
	}
}

func TestIntuneSample(t *testing.T) {
	_, err := Parse(sample(t, "intune-malformed.mobileconfig"))
	want := "line 14, column 9: <string> is not closed: <key> opens inside it (noticed at line 15, column 9)"
	if err == nil || err.Error() != want {
		t.Fatalf("%v\nwant %s", err, want)
	}
	var e *Error
	if !errors.As(err, &e) || e.At.Line != 14 || e.Noticed.Line != 15 {
		t.Errorf("%+v", e)
	}
}

func TestKinds(t *testing.T) {
	d, err := Parse(doc(`<array><string>a &amp; b<!-- c -->d</string><integer> -3 </integer><integer>18446744073709551615</integer>
<real>1.5</real><real>nan</real><true/><false></false><data> aGk= </data><data/><date>2026-01-31T12:00:00Z</date><dict/><array/></array>`))
	if err != nil {
		t.Fatal(err)
	}
	v := d.Root.Items
	if v[0].Text != "a & bd" || v[3].Float != 1.5 || !math.IsNaN(v[4].Float) || !v[5].Bool || v[6].Bool || string(v[7].Bytes) != "hi" || len(v[8].Bytes) != 0 {
		t.Errorf("%+v", v)
	}
	if n, ok := v[1].Int64(); n != -3 || !ok {
		t.Errorf("-3 is %d, %v", n, ok)
	}
	if _, ok := v[2].Int64(); ok {
		t.Error("2^64-1 fits into an int64")
	}
	if n, ok := v[2].Number(); n != math.MaxUint64 || !ok {
		t.Errorf("2^64-1 is %g, %v", n, ok)
	}
	if _, ok := v[0].Number(); ok {
		t.Error("a string is a number")
	}
	if !v[9].Time.Equal(time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)) {
		t.Error(v[9].Time)
	}
	if v[10].Kind != Dict || v[11].Kind != Array {
		t.Errorf("%v %v", v[10].Kind, v[11].Kind)
	}
}

// TestRefused: every row is taken by at least one of the two libraries, or is
// answered by them without the place where the trouble starts.
func TestRefused(t *testing.T) {
	cases := []struct{ name, input, want string }{
		{"nothing", "", "the file is empty"},
		{"only space", " \n\t", "the file is empty"},
		{"a comment", "<!-- nothing -->", "the file ends before any element"},
		{"OpenStep text", "{ A = b; }", "OpenStep text property list"},
		{"another document", "<html></html>", "line 1, column 1: the first element is <html>"},
		{"an empty plist", "<plist/>", "line 1, column 1: <plist> is empty"},
		{"a key without a value", "<plist><dict>\n<key>A</key></dict></plist>", `line 2, column 1: key "A" has no value`},
		{"two keys in a row", "<plist><dict>\n<key>A</key>\n<key>B</key><true/></dict></plist>", `line 2, column 1: key "A" has no value`},
		{"a value without a key", "<plist><dict>\n<true/></dict></plist>", "line 2, column 1: <true> stands in a <dict> without a <key> before it"},
		{"a key outside a dict", "<plist><array>\n<key>A</key></array></plist>", "line 2, column 1: <key> is not an element of a property list here"},
		{"a duplicate key", "<plist><dict><key>A</key><true/>\n<key>A</key><false/></dict></plist>", `line 2, column 1: key "A" stands twice in one <dict>, first at line 1, column 14`},
		{"rubbish behind", "<plist><true/></plist>\nx", "text stands after the end"},
		{"an element behind", "<plist><true/></plist>\n<true/>", "something follows the end"},
		{"two values", "<plist><true/>\n<true/></plist>", "line 2, column 1: a second value"},
		{"text in a dict", "<plist><dict>x</dict></plist>", "text stands between the elements of <dict>"},
		{"an unclosed array", "<plist>\n<array>\n<true/></plist>", "line 2, column 1: <array> is not closed: </plist> comes first (noticed at line 3, column 8)"},
		{"an unclosed file", "<plist>\n<dict>\n", "line 2, column 1: <dict> is not closed: the file ends (noticed at line 3, column 1)"},
		{"an end alone", "</dict>", "line 1, column 1: </dict> closes nothing"},
		{"a dict in a string", "<plist>\n<string><dict/></string></plist>", "line 2, column 1: <string> is not closed: <dict> opens inside it"},
		{"a bare ampersand", "<plist>\n<string>a&b</string></plist>", "malformed XML: an & that is meant as such is written &amp;"},
		{"a cut tag", "<plist><dict", "malformed XML: unexpected EOF"},
		{"no number", "<plist>\n<integer>6O</integer></plist>", "line 2, column 1: what stands in this <integer> is not a whole number"},
		{"half an integer", "<plist><integer>1.5</integer></plist>", "is not a whole number"},
		{"an integer of 65 bits", "<plist><integer>18446744073709551616</integer></plist>", "is not a whole number"},
		{"nothing as a number", "<plist><real/></plist>", "is not a number"},
		{"a hexadecimal real", "<plist><real>0x1p-2</real></plist>", "is not a number"},
		{"text in a boolean", "<plist><true>no</true></plist>", "what stands in this <true> is not empty"},
		{"no base64", "<plist><data>?</data></plist>", "is not base64"},
		{"no date", "<plist><date>tomorrow</date></plist>", "is not a date"},
		{"an unknown element", "<plist><ustring>a</ustring></plist>", "<ustring> is not an element"},
		{"a name space", `<plist><x:string>a</x:string></plist>`, "no name space"},
		{"entities", `<!DOCTYPE plist [<!ENTITY a "b">]><plist><string>&a;</string></plist>`, "only <!DOCTYPE plist"},
		{"another document type", `<!DOCTYPE html><plist><true/></plist>`, "only <!DOCTYPE plist"},
		{"a late directive", `<plist><!DOCTYPE plist><true/></plist>`, "not allowed inside"},
		{"another encoding", `<?xml version="1.0" encoding="UTF-16"?><plist><true/></plist>`, "malformed XML"},
		{"no UTF-8", "<plist><string>\xff</string></plist>", "invalid UTF-8"},
		{"too deep", "<plist>" + strings.Repeat("<array>", 70), "nested deeper than 64 levels"},
		{"a bare dict", "<dict></dict>", "begins with <plist>"},
		{"a short binary", "bplist00", "no binary property list"},
		{"another binary version", "bplist16" + strings.Repeat("x", 60), "no binary property list of version 00"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			d, err := Parse([]byte(c.input))
			var e *Error
			if err == nil || !errors.As(err, &e) || !strings.Contains(err.Error(), c.want) {
				t.Errorf("%v\nwant %s", err, c.want)
			}
			if !reflect.DeepEqual(d, Document{}) {
				t.Errorf("with the error came %+v", d)
			}
		})
	}
}

func TestSizeLimit(t *testing.T) {
	body := func(n int) []byte { return doc("<string>" + strings.Repeat("x", n) + "</string>") }
	room := MaxSize - len(body(0))
	if _, err := Parse(body(room)); err != nil {
		t.Errorf("%d bytes: %v", MaxSize, err)
	}
	if _, err := Parse(body(room + 1)); err == nil || !strings.Contains(err.Error(), "at most 1048576 are read") {
		t.Errorf("%d bytes: %v", MaxSize+1, err)
	}
}

func TestDepthLimit(t *testing.T) {
	nested := func(n int) []byte { return doc(strings.Repeat("<array>", n) + strings.Repeat("</array>", n)) }
	if _, err := Parse(nested(MaxDepth)); err != nil {
		t.Errorf("%d levels: %v", MaxDepth, err)
	}
	if _, err := Parse(nested(MaxDepth + 1)); err == nil {
		t.Errorf("%d levels were read", MaxDepth+1)
	}
}

// TestErrorsQuoteNoValue: the client secret stands in the file that is read.
func TestErrorsQuoteNoValue(t *testing.T) {
	for _, body := range []string{
		"<string>hunter2&hunter2;</string>", "<string>hunter2<hunter2></string>", "<string>x</hunter2>", "<string>a<hunter2\x01></string>",
		"<integer>hunter2</integer>", "<real>hunter2</real>", "<true>hunter2</true>", "<data>hunter2!</data>", "<date>hunter2</date>",
		"<dict><key>A</key>hunter2</dict>", "<string>hunter2\x00</string>", "<string>hunter2]]></string>", "<string>hunter2", "<string>]]>hunter2",
	} {
		_, err := Parse(doc(body))
		if err == nil {
			t.Errorf("%q was read", body)
			continue
		}
		if strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", body, err)
		}
	}
}

func TestByteOrderMark(t *testing.T) {
	d, err := Parse(append([]byte("\xef\xbb\xbf"), doc("<true/>")...))
	if err != nil || !d.Root.Bool {
		t.Errorf("%+v, %v", d, err)
	}
}
