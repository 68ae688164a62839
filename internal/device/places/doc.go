// Package places names the folders and files of Latchkey on the machine that it
// is built for. It knows that they are fixed on a Mac: each of them belongs to
// root, and so does every folder above it. It must never take one of them from
// the environment: whoever starts a program could then choose what it trusts.
//
// With the build tag macplaces a build for Linux has the Mac's: the tests of the
// package install such programs in a folder of their own that they chroot to.
package places
