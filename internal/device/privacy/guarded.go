package privacy

// Access is something that Latchkey does on a Mac which privacy settings (TCC)
// or a person's say may guard.
type Access struct {
	What   string // what is done, and by which program
	Guard  string // what macOS may ask for it
	Needed bool   // whether an MDM has to allow it
	Why    string // the reason, for who sets Macs up
}

// Guarded is every access of the Mac's programs that a guard is known for. None
// of them may need one: a daemon at the login window has nobody to ask.
func Guarded() []Access {
	return []Access{
		{"latchkeyd reads its state, gate and contact files in `/Library/Application Support/Latchkey`", "Full Disk Access", false, "the folder is Latchkey's own; Full Disk Access guards people's folders, mail, backups and TCC's own database"},
		{"latchkeyd reads the managed profile in `/Library/Managed Preferences`", "Full Disk Access", false, "the folder is readable for root, and is none of those that are guarded"},
		{"latchkeyd reads and adds items of the System keychain", "the item's own access list", false, "latchkeyd has made the one item itself; the MDM's SCEP payload lets all programs use the other (*Allow all apps access*)"},
		{"latchkeyd asks OpenDirectory for accounts", "Full Disk Access", false, "reading records is free; only changes of passwords and of `/var/db/dslocal` itself are guarded"},
		{"latchkeyd reads the I/O Registry, sysctl and the computer's name", "nothing", false, "they are free for every process"},
		{"latchkeyd talks to security keys in USB ports", "Input Monitoring", false, "it guards keyboards and mice; a FIDO key is neither, and is opened by its usage page"},
		{"the plug-in opens the prompt and gate sockets in `/Library/Application Support/Latchkey/run`", "nothing", false, "a socket is guarded by its mode, and both ends look at each other's user"},
		{"the plug-in draws its panel", "Accessibility, Screen Recording", false, "it shows a window of its own process and looks at nobody else's"},
		{"`latchkey agent` opens the browser with `/usr/bin/open`", "Automation", false, "it sends no Apple event to another program: it hands an address to Launch Services"},
		{"latchkeyd runs in the background", "Login Items", false, "it is asked for by nobody, but a person may switch it off there: a `com.apple.servicemanagement` profile with the rule for the label `dev.latchkey.servicedaemon` keeps it on"},
	}
}
