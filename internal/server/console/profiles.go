package console

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/latchkey-mfa/latchkey/internal/policy"
	"github.com/latchkey-mfa/latchkey/internal/profile"
	"github.com/latchkey-mfa/latchkey/internal/server/access"
	"github.com/latchkey-mfa/latchkey/internal/server/desk"
)

// consoles are the MDMs in their own names.
func consoles() []choice {
	return []choice{{string(profile.JamfPro), "Jamf Pro"}, {string(profile.WorkspaceOne), "Workspace ONE"}, {string(profile.Kandji), "Kandji"},
		{string(profile.Intune), "Intune"}, {string(profile.AnyMDM), "another, by a .mobileconfig"}}
}

// choice is an entry of a list.
type choice struct{ Value, Name string }

// input is a key of the profile as a field of the form.
type input struct {
	policy.Definition
	Value   string
	Preset  string // what an empty field stands for
	Options []string
}

// filled is the form of a new profile, as it is shown.
type filled struct {
	MDMs                []choice
	MDM, Name           string
	Inputs              []input
	SCEP                profile.SCEP
	Service, Window     bool
	Intended            desk.Intended
	HasIntended, CanSet bool
}

// profiles is the page on which profiles are made and looked through.
func (c *Console) profiles(r *request) (view, error) {
	return c.profilesPage(r, nil, "")
}

// profilesPage keeps what was typed, but for secrets; wrong says what was wrong
// with it.
func (c *Console) profilesPage(r *request, typed func(name string) string, wrong string) (view, error) {
	intended, there, err := c.Desk.IntendedPolicy(r.ctx)
	if err != nil {
		return view{}, err
	}
	f := filled{MDMs: consoles(), MDM: string(profile.JamfPro), Intended: intended, HasIntended: there, CanSet: r.may(access.SettingsManage),
		SCEP: profile.SCEP{Kind: "", URL: c.PublicURL + "/scep"}}
	if typed != nil {
		f.MDM, f.Name, f.Service, f.Window = typed("mdm"), typed("name"), typed("service") != "", typed("window") != ""
		f.SCEP = profile.SCEP{Kind: profile.SCEPKind(typed("scep")), URL: typed("scepURL"), Variable: typed("scepVariable"), CommonName: typed("scepName"), Fingerprint: typed("scepCA")}
	}
	for _, d := range policy.Definitions() {
		if d.Secret {
			continue
		}
		f.Inputs = append(f.Inputs, inputOf(d, c.suggested(d, intended, typed)))
	}
	return view{name: "profiles", title: "Profiles", section: "profiles", data: f, wrong: wrong}, nil
}

// suggested is what stands in a field: what was typed, what is intended, and for
// the org's address this server's.
func (c *Console) suggested(d policy.Definition, intended desk.Intended, typed func(string) string) string {
	if typed != nil {
		return typed("key-" + d.Key)
	}
	if v, there := intended.Values[d.Key]; there && v.Origin == policy.Forced.String() {
		return written(v.Value)
	}
	if d.Key == "DMFAOrgURL" {
		return c.PublicURL
	}
	return ""
}

func inputOf(d policy.Definition, value string) input {
	in := input{Definition: d, Value: value, Preset: written(d.Default)}
	switch d.Kind {
	case policy.Boolean:
		in.Options = []string{"true", "false"}
	case policy.Choice:
		in.Options = d.Choices
	}
	return in
}

// written is a value as it is typed.
func written(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case []string:
		return strings.Join(v, ", ")
	case []any:
		words := make([]string, len(v))
		for i := range v {
			words[i] = written(v[i])
		}
		return strings.Join(words, ", ")
	}
	raw, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(raw)
}

// makeProfile answers with the file. The client secret goes into it, and
// nowhere else.
func (c *Console) makeProfile(r *request) (view, error) {
	wanted, err := c.wanted(r)
	var made []byte
	if err == nil {
		made, err = profile.New(wanted)
	}
	if err != nil {
		return c.profilesPage(r, r.PostFormValue, sentence(err.Error()))
	}
	if r.PostFormValue("intend") != "" {
		if err := c.intend(r, made); err != nil {
			return view{}, err
		}
	}
	return view{file: &download{Name: fileName(wanted.For), Kind: "application/octet-stream", Body: made}}, nil
}

// wanted reads the form.
func (c *Console) wanted(r *request) (profile.Request, error) {
	mdm, err := profile.ParseMDM(r.PostFormValue("mdm"))
	if err != nil {
		return profile.Request{}, err
	}
	out := profile.Request{For: mdm, Settings: profile.Settings{}, Name: strings.TrimSpace(r.PostFormValue("name")),
		ServiceManagement: r.PostFormValue("service") != "", LoginWindow: r.PostFormValue("window") != ""}
	for _, d := range policy.Definitions() {
		typed := strings.TrimSpace(r.PostFormValue("key-" + d.Key))
		if d.Secret || typed == "" {
			continue
		}
		if err := out.Settings.Set(d.Key, typed); err != nil {
			return profile.Request{}, err
		}
	}
	out.Settings.SetSecret(policy.Secret(r.PostFormValue("secret")))
	if kind := r.PostFormValue("scep"); kind != "" {
		out.SCEP = &profile.SCEP{Kind: profile.SCEPKind(kind), URL: r.PostFormValue("scepURL"), Challenge: policy.Secret(r.PostFormValue("scepChallenge")),
			Variable: r.PostFormValue("scepVariable"), CommonName: r.PostFormValue("scepName"), Fingerprint: r.PostFormValue("scepCA")}
	}
	return out, nil
}

func fileName(m profile.MDM) string {
	switch m.Shape() {
	case profile.List:
		return policy.Domain + ".plist"
	case profile.Fragment:
		return policy.Domain + ".xml"
	}
	return "latchkey-" + string(m) + ".mobileconfig"
}

// intend keeps what a profile says as the intended policy.
func (c *Console) intend(r *request, raw []byte) error {
	read, err := profile.Read(raw)
	if err != nil {
		return fmt.Errorf("read the profile: %w", err)
	}
	p, problems := read.Policy()
	if p == nil {
		return fmt.Errorf("read the profile: %s", problems)
	}
	return c.Desk.SaveIntendedPolicy(r.ctx, p)
}

// checkProfile looks through a file that somebody has: what is wrong with it,
// and what it means to the people at the login window. Nothing of it is kept.
func (c *Console) checkProfile(r *request) (view, error) {
	raw, name, err := uploadedProfile(r)
	if err != nil {
		return view{}, err
	}
	if len(raw) == 0 {
		return c.profilesPage(r, nil, "Choose a file first.")
	}
	report, err := new(profile.Linter).Lint(profile.File{Name: name, Data: raw})
	if err != nil {
		return c.profilesPage(r, nil, sentence(err.Error()))
	}
	data := map[string]any{"Name": name, "Findings": report.Findings, "Shape": "", "Kept": false}
	if report.Shape != 0 {
		data["Shape"] = report.Shape.Describe()
	}
	if read, err := profile.Read(raw); err == nil {
		if p, _ := read.Policy(); p != nil {
			data["Explanation"] = profile.Explain(p, c.Now())
		}
	}
	if r.PostFormValue("intend") != "" && !profile.Failed(report.Findings) {
		if err := c.intend(r, raw); err != nil {
			return view{}, err
		}
		data["Kept"] = true
	}
	return view{name: "profile-checked", title: "Profile: " + name, section: "profiles", data: data}, nil
}

// uploadedProfile is the file of the form, and what it is called there.
func uploadedProfile(r *request) (raw []byte, name string, err error) {
	if raw, err = uploaded(r); err != nil {
		return nil, "", err
	}
	name = "the profile"
	if r.MultipartForm != nil {
		for _, f := range r.MultipartForm.File["file"] {
			name = cut(f.Filename, 80)
		}
	}
	return raw, name, nil
}

func (c *Console) forgetIntended(r *request) (view, error) {
	if err := c.Desk.SaveIntendedPolicy(r.ctx, nil); err != nil {
		return view{}, err
	}
	return redirect("/profiles?told=removed"), nil
}

// sentence is an error's text for a page.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	return strings.ToUpper(text[:1]) + text[1:] + "."
}

// differing are the keys in which a Mac's policy is not the intended one, and
// whether one is intended at all.
func (c *Console) differing(r *request, effective json.RawMessage) (rows []differs, intended bool, err error) {
	in, there, err := c.Desk.IntendedPolicy(r.ctx)
	if err != nil || !there {
		return nil, false, err
	}
	for _, d := range in.Differences(effective) {
		row := differs{Key: d.Key, Intended: written(d.Intended), InForce: "not reported"}
		if d.InForce != nil {
			row.InForce = written(d.InForce)
		}
		rows = append(rows, row)
	}
	return slices.Clip(rows), true, nil
}

// differs is a row of that comparison.
type differs struct{ Key, Intended, InForce string }
