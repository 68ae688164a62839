package machine

// Machine is what the help desk and the server know a device by.
type Machine struct {
	UDID   string `json:"udid"`   // hardware UUID
	Serial string `json:"serial"` // as on the case
	Model  string `json:"model"`
	Name   string `json:"name"` // the computer's name
	OS     string `json:"os"`
	Zone   string `json:"zone"` // IANA name of the time zone
}
