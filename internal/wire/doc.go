// Package wire holds the shapes that cross a boundary, version 1: between the
// login window and the daemon (dictionaries, carried by xipc) and between a
// device and its server (JSON over HTTPS).
//
// It knows field names, kinds and bounds, and nothing of what they mean. It
// must never import a package of the product, so that the plug-in, the daemon
// and the server can all use it. The field names are binding: see wire-v1.md.
package wire

// Version is the version of every shape here, sent in hello and in check-in.
const Version = 1
