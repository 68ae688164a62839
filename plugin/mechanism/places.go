package mechanism

import "path/filepath"

// Places are the paths that the plug-in uses.
type Places struct {
	PromptSocket, GateSocket string
	GateFile, ContactFile    string
}

func placesIn(sockets, files string) Places {
	return Places{
		PromptSocket: filepath.Join(sockets, "prompt.sock"), GateSocket: filepath.Join(sockets, "gate.sock"),
		GateFile: filepath.Join(files, "gate.json"), ContactFile: filepath.Join(files, "contact.json"),
	}
}
