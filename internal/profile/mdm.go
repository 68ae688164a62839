package profile

import "fmt"

// MDM is a console that profiles are made for.
type MDM string

// The consoles.
const (
	JamfPro      MDM = "jamf"
	WorkspaceOne MDM = "workspace-one"
	Kandji       MDM = "kandji"
	Intune       MDM = "intune"
	AnyMDM       MDM = "mobileconfig" // whatever takes a configuration profile
)

// MDMs are all consoles.
func MDMs() []MDM { return []MDM{JamfPro, WorkspaceOne, Kandji, Intune, AnyMDM} }

// ParseMDM reads the name of a console.
func ParseMDM(name string) (MDM, error) {
	for _, m := range MDMs() {
		if string(m) == name {
			return m, nil
		}
	}
	return "", fmt.Errorf("%s is no MDM that is known: jamf, workspace-one, kandji, intune or mobileconfig", quoted(name))
}

// Shape is what the console takes.
func (m MDM) Shape() Shape {
	switch m {
	case JamfPro:
		return List
	case WorkspaceOne:
		return Fragment
	}
	return MobileConfig
}
