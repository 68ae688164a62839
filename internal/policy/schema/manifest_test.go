package schema

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/latchkey-mfa/latchkey/internal/plist"
	"github.com/latchkey-mfa/latchkey/internal/policy"
)

// fingerprint is of the manifest without its edition.
const fingerprint = "9bf226d464dfc174f5811fac867f5386f68755544629e9460ef68e929cd73bdb"

// TestTheManifestHasAnEdition: a profile editor fetches a manifest anew when its
// version is higher, so a change without one reaches nobody.
func TestTheManifestHasAnEdition(t *testing.T) {
	edition := regexp.MustCompile(`(?s)\t<key>pfm_(last_modified|version)</key>\n\t<[a-z]+>[^<]*</[a-z]+>\n`)
	sum := sha256.Sum256(edition.ReplaceAll(Manifest(), nil))
	if got := hex.EncodeToString(sum[:]); got != fingerprint {
		t.Errorf("the manifest has changed: raise manifestVersion, date manifestModified, and put %s here", got)
	}
}

// plain is a property list's value as JSON has it.
func plain(v plist.Value) any {
	switch v.Kind {
	case plist.Dict:
		out := map[string]any{}
		for _, e := range v.Entries {
			out[e.Key] = plain(e.Value)
		}
		return out
	case plist.Array:
		out := make([]any, len(v.Items))
		for i, item := range v.Items {
			out[i] = plain(item)
		}
		return out
	case plist.Boolean:
		return v.Bool
	case plist.Integer, plist.Real:
		n, _ := v.Number()
		return n
	case plist.Date:
		return v.Time.UTC().Format(time.RFC3339)
	}
	return v.Text
}

func manifest(t *testing.T) map[string]any {
	t.Helper()
	d, err := plist.Parse(Manifest())
	if err != nil {
		t.Fatal(err)
	}
	return plain(d.Root).(map[string]any)
}

// rows are the manifest's keys by name, without those of every payload.
func rows(t *testing.T, m map[string]any) map[string]any {
	t.Helper()
	out := map[string]any{}
	for _, v := range m["pfm_subkeys"].([]any) {
		name := at(v, "pfm_name").(string)
		if out[name] != nil {
			t.Errorf("%s stands there twice", name)
		}
		out[name] = v
	}
	for _, name := range []string{"PayloadDescription", "PayloadDisplayName", "PayloadIdentifier", "PayloadType", "PayloadUUID", "PayloadVersion", "PayloadOrganization"} {
		if out[name] == nil {
			t.Errorf("%s is missing", name)
		}
		delete(out, name)
	}
	return out
}

// TestManifestSaysWhatTheTableSays, row by row.
func TestManifestSaysWhatTheTableSays(t *testing.T) {
	m := manifest(t)
	if m["pfm_domain"] != policy.Domain || !same(t, m["pfm_platforms"], []string{"macOS"}) || !same(t, m["pfm_targets"], []string{"system"}) || m["pfm_format_version"] != 1.0 {
		t.Errorf("%v", m)
	}
	found := rows(t, m)
	if len(found) != len(policy.Definitions()) {
		t.Errorf("%d keys, the table has %d", len(found), len(policy.Definitions()))
	}
	kinds := map[policy.Kind]string{policy.Text: "string", policy.URL: "string", policy.Number: "real", policy.Boolean: "boolean", policy.Choice: "string", policy.Names: "array", policy.Choices: "array"}
	for _, d := range policy.Definitions() {
		row := found[d.Key]
		want := map[string]any{"pfm_type": kinds[d.Kind], "pfm_app_min": d.Since, "pfm_require": nil, "pfm_sensitive": nil, "pfm_default": preset(d),
			"pfm_range_min": nil, "pfm_range_max": nil, "pfm_value_unit": nil, "pfm_range_list": nil}
		if d.Required {
			want["pfm_require"] = "always"
		}
		if d.Secret {
			want["pfm_sensitive"] = true
		}
		switch d.Kind {
		case policy.Number:
			want["pfm_range_min"], want["pfm_range_max"], want["pfm_value_unit"] = d.Min, d.Max, string(d.Unit)
		case policy.Choice:
			want["pfm_range_list"] = d.Choices
		case policy.Choices:
			if list := append([]string{"*"}, d.Choices...); !same(t, at(row, "pfm_subkeys", 0, "pfm_range_list"), list) {
				t.Errorf("%s offers %v, want %v", d.Key, at(row, "pfm_subkeys", 0, "pfm_range_list"), list)
			}
		case policy.Names:
			if at(row, "pfm_subkeys", 0, "pfm_type") != "string" {
				t.Errorf("%s holds %v", d.Key, at(row, "pfm_subkeys"))
			}
		}
		for key, v := range want {
			if !same(t, at(row, key), v) {
				t.Errorf("%s: %s is %v, want %v", d.Key, key, at(row, key), v)
			}
		}
		if doc, _ := at(row, "pfm_description").(string); !strings.HasPrefix(doc, d.Doc) {
			t.Errorf("%s is described as %q", d.Key, doc)
		}
	}
}

// TestDefaultsAreGood: a profile in which an editor wrote out every default that
// the manifest names is one that a Mac takes, and means what an empty one means.
func TestDefaultsAreGood(t *testing.T) {
	required := element{tag: "dict"}
	for _, d := range policy.Definitions() {
		if d.Required {
			required = required.with(d.Key, text("https://org.example"))
		}
	}
	full := required
	for _, d := range policy.Definitions() {
		if v, there := presetElement(d); there {
			full = full.with(d.Key, v)
		}
	}
	values := func(e element) map[string]any {
		doc, err := plist.Parse(document(e))
		if err != nil {
			t.Fatal(err)
		}
		p, problems := policy.FromDocument(doc)
		if p == nil || len(problems) > 0 {
			t.Fatalf("%v", problems)
		}
		out := map[string]any{}
		for key, r := range p.Report() {
			out[key] = r.Value
		}
		return out
	}
	if a, b := values(required), values(full); !same(t, a, b) {
		t.Errorf("without %v\nwith defaults %v", a, b)
	}
}

// TestPythonReadsTheManifest: the readers that profile editors are made with
// find in it what ours does.
func TestPythonReadsTheManifest(t *testing.T) {
	python, err := exec.LookPath("python3")
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("python3 is not installed")
		}
		t.Skip("python3 is not installed")
	}
	cmd := exec.CommandContext(t.Context(), python, "-c",
		`import json,plistlib,sys; json.dump(plistlib.loads(sys.stdin.buffer.read()), sys.stdout, default=lambda d: d.strftime("%Y-%m-%dT%H:%M:%SZ"))`)
	cmd.Stdin = bytes.NewReader(Manifest())
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var theirs any
	if err := json.Unmarshal(out, &theirs); err != nil {
		t.Fatal(err)
	}
	if ours := manifest(t); !same(t, ours, theirs) {
		t.Errorf("we read %v\nplistlib reads %v", ours, theirs)
	}
}

// TestTextIsEscaped: a sentence of the table with & in it is still one.
func TestTextIsEscaped(t *testing.T) {
	const hard = `a < b && "c" > 'd' ]]>`
	d, err := plist.Parse(document(dict(pair{hard, texts(hard, "")})))
	if err != nil {
		t.Fatal(err)
	}
	e, there := d.Root.Get(hard)
	if got := plain(e.Value); !there || !slices.Equal(got.([]any), []any{hard, ""}) {
		t.Errorf("%q", got)
	}
}
