package reference

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"net/http"
	"strings"
)

//go:embed page.html page.css
var files embed.FS

// Page is the drawn page and its sheet.
type Page struct{ html, css []byte }

// Draw draws the page of a description. The error is one in the description.
func Draw(description []byte) (*Page, error) {
	p, err := read(description)
	if err != nil {
		return nil, err
	}
	t, err := template.New("page.html").Funcs(template.FuncMap{"lower": strings.ToLower}).ParseFS(files, "page.html")
	if err != nil {
		return nil, fmt.Errorf("read the page of the API: %w", err)
	}
	var out bytes.Buffer
	if err := t.Execute(&out, p); err != nil {
		return nil, fmt.Errorf("draw the page of the API: %w", err)
	}
	css, err := files.ReadFile("page.css")
	if err != nil {
		return nil, fmt.Errorf("read the sheet of the API's page: %w", err)
	}
	return &Page{out.Bytes(), css}, nil
}

// ServeHTTP answers with the page, or with its sheet for a path that ends in
// .css.
func (p *Page) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	for name, value := range map[string]string{
		"Content-Security-Policy": "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
		"X-Content-Type-Options":  "nosniff", "X-Frame-Options": "DENY", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin", "Strict-Transport-Security": "max-age=31536000", "Cache-Control": "no-store",
	} {
		h.Set(name, value)
	}
	body := p.html
	h.Set("Content-Type", "text/html; charset=utf-8")
	if strings.HasSuffix(r.URL.Path, ".css") {
		h.Set("Content-Type", "text/css; charset=utf-8")
		body = p.css
	}
	_, _ = w.Write(body) // the reader may have gone
}
