package locale

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"
)

// Default is the language in which every text is.
const Default = "en"

// suffix of the files: de.json holds German.
const suffix = ".json"

// Texts are texts by key, in one language.
type Texts map[string]string

// Files are the texts of every language there is a file of.
type Files map[string]Texts

// Read reads all files of a folder. It fails for one that is no JSON object of
// texts.
func Read(from fs.FS, folder string) (Files, error) {
	names, err := fs.Glob(from, path.Join(folder, "*"+suffix))
	if err != nil {
		return nil, fmt.Errorf("look for texts: %w", err)
	}
	files := Files{}
	for _, name := range names {
		content, err := fs.ReadFile(from, name)
		if err != nil {
			return nil, fmt.Errorf("read texts: %w", err)
		}
		var texts Texts
		if err := json.Unmarshal(content, &texts); err != nil {
			return nil, fmt.Errorf("read texts of %s: %w", name, err)
		}
		files[strings.ToLower(strings.TrimSuffix(path.Base(name), suffix))] = texts
	}
	return files, nil
}

// Pick is the language for a person who wants these, the preferred first, as
// BCP 47 or POSIX name them: the first that there is a file of, as it is or
// without its region (de-AT: de), else English.
func (f Files) Pick(wanted []string) string {
	for _, name := range wanted {
		name, _, _ = strings.Cut(strings.ToLower(strings.ReplaceAll(name, "_", "-")), ".")
		for parts := strings.Split(name, "-"); len(parts) > 0; parts = parts[:len(parts)-1] {
			if tag := strings.Join(parts, "-"); f[tag] != nil {
				return tag
			}
		}
	}
	return Default
}

// Text is the text of that key, in English where the language has none, and the
// key itself where there is none at all.
func (f Files) Text(language, key string) string {
	for _, l := range []string{language, Default} {
		if text := f[l][key]; text != "" {
			return text
		}
	}
	return key
}

// Gaps are what keeps the files from being complete translations of each other:
// a key that one has and another has not, or a text with other placeholders than
// the English one. It is empty when all is well.
func (f Files) Gaps() []string {
	var gaps []string
	for language, texts := range f {
		for key := range f[Default] {
			switch {
			case texts[key] == "":
				gaps = append(gaps, fmt.Sprintf("%s has no %q", language, key))
			case !slices.Equal(Placeholders(texts[key]), Placeholders(f[Default][key])):
				gaps = append(gaps, fmt.Sprintf("%s: %q has other placeholders than in English", language, key))
			}
		}
		for key := range texts {
			if f[Default][key] == "" {
				gaps = append(gaps, fmt.Sprintf("%s has %q, which English has not", language, key))
			}
		}
	}
	slices.Sort(gaps)
	return gaps
}

// Placeholders are the names in a text that stand between braces, sorted.
func Placeholders(text string) []string {
	var found []string
	for {
		_, after, opened := strings.Cut(text, "{")
		name, rest, closed := strings.Cut(after, "}")
		if !opened || !closed {
			slices.Sort(found)
			return slices.Compact(found)
		}
		found, text = append(found, name), rest
	}
}

// Fill puts values in the place of their names: Fill("{left} tries", "left", "3")
// is "3 tries". What is put in is not looked through again.
func Fill(text string, namesAndValues ...string) string {
	pairs := make([]string, len(namesAndValues)&^1)
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		pairs[i], pairs[i+1] = "{"+namesAndValues[i]+"}", namesAndValues[i+1]
	}
	return strings.NewReplacer(pairs...).Replace(text)
}
