package words

import (
	"embed"
	"io/fs"

	"github.com/latchkey-mfa/latchkey/internal/locale"
)

// The texts, one file for each language: another language is another file.
//
//go:embed *.json
var files embed.FS

// Files are the texts as they were written.
func Files() fs.FS { return files }

// Words are the texts in one language.
type Words struct {
	files    locale.Files
	language string
}

// For are the words for a person who wants these languages, the preferred first.
func For(languages []string) Words {
	read, err := locale.Read(files, ".")
	if err != nil {
		// The files are of this very build, and a test reads them. The keys are
		// shown then, and the person can go on.
		read = locale.Files{}
	}
	return Words{files: read, language: read.Pick(languages)}
}

// Language is the one that was picked, as "de".
func (w Words) Language() string { return w.language }

// Text is the text of that key, with values in the place of their names.
func (w Words) Text(key string, namesAndValues ...string) string {
	return locale.Fill(w.files.Text(w.language, key), namesAndValues...)
}
