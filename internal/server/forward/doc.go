// Package forward sends the System Log on as it grows: to a syslog receiver
// (RFC 5424) or a webhook, from where a SIEM reads it.
//
// It knows how far each destination has come, and that one server alone sends to
// a destination at a time. Events go in their order, none is left out, and one
// may come twice. It must never hold up what makes the events, follow a
// redirect, or take an answer for more than a receipt.
package forward
