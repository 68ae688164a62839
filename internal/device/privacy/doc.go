// Package privacy lists what Latchkey does on a Mac that privacy settings (TCC)
// or a person's say may guard. It knows the reason why none of it has to be
// allowed. It must never list as needed what nobody at a login window could
// allow.
package privacy
