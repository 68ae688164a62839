// Package qrcode draws a QR code for whoever has no picture to show: as lines of
// text, and as SVG.
//
// It knows modules and quiet zones. It must never know what a payload means, and
// keeps none.
package qrcode
