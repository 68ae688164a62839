// Package panel names what draws a conversation: screens in, acts out.
//
// It knows no toolkit and no daemon. A panel must never decide anything: it
// shows what it is given and reports what the person did.
package panel
