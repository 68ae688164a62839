// Package desk is what an administrator can do: for each thing the permission
// that it needs, one transaction, and the event that tells of it.
//
// It knows which of the packages below does the work. The API and the console
// read a request and draw an answer; they never reach a Mac, a user or a secret
// but through here, so that neither can do what the other refuses. It never
// answers before [access.Require] was asked, and holds no rule about recovery.
package desk
