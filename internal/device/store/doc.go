// Package store is the device's memory: one bbolt file of sealed records under
// slash-separated keys, written in one synced transaction each.
//
// It knows durability, sealing, the binding to this machine's hardware and what
// to do with a file that cannot be opened: set it aside, never delete it. It
// must never know what a record means, and must never answer before a write is
// on the disk.
package store
