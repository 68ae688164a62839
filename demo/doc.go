// Command demo is Latchkey's main job on one plain machine: it starts the org
// server, the daemon (enrolled over SCEP, under the published Jamf Pro profile)
// and a login window, and cleans up after itself.
//
// With --auto it plays the whole story unattended and fails when one step
// differs. It knows how the programs are started and what a person does; it
// must never reach around them: every step goes through the login window, the
// help desk's commands, or the machine (clock, network, power).
package main
