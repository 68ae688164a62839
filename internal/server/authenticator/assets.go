package authenticator

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
)

//go:embed assets/*
var files embed.FS

// page is the one page there is. Its script shows what it is told.
func page(w http.ResponseWriter, r *http.Request) { file(w, r, "page.html") }

// asset is a file beside it.
func asset(w http.ResponseWriter, r *http.Request) { file(w, r, r.PathValue("file")) }

// file is one of ours. Browsers keep it and ask whether it is still the one.
func file(w http.ResponseWriter, r *http.Request, name string) {
	raw, err := files.ReadFile(path.Join("assets", path.Base(name)))
	kind := map[string]string{".html": "text/html; charset=utf-8", ".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8",
		".svg": "image/svg+xml", ".png": "image/png", ".webmanifest": "application/manifest+json"}[path.Ext(name)]
	if err != nil || kind == "" {
		write(w, http.StatusNotFound, no(http.StatusNotFound, "no_such_page", "There is no such page."))
		return
	}
	sum := sha256.Sum256(raw)
	tag := `"` + hex.EncodeToString(sum[:8]) + `"`
	w.Header().Set("Cache-Control", "no-cache")
	w.Header().Set("ETag", tag)
	if r.Header.Get("If-None-Match") == tag {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Header().Set("Content-Type", kind)
	_, _ = w.Write(raw)
}
