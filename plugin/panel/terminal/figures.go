package terminal

import "strings"

// figure is a digit as three by five points.
func figure(digit rune) ([5]string, bool) {
	switch digit {
	case '0':
		return [5]string{"###", "# #", "# #", "# #", "###"}, true
	case '1':
		return [5]string{" # ", "## ", " # ", " # ", "###"}, true
	case '2':
		return [5]string{"###", "  #", "###", "#  ", "###"}, true
	case '3':
		return [5]string{"###", "  #", "###", "  #", "###"}, true
	case '4':
		return [5]string{"# #", "# #", "###", "  #", "  #"}, true
	case '5':
		return [5]string{"###", "#  ", "###", "  #", "###"}, true
	case '6':
		return [5]string{"###", "#  ", "###", "# #", "###"}, true
	case '7':
		return [5]string{"###", "  #", "  #", "  #", "  #"}, true
	case '8':
		return [5]string{"###", "# #", "###", "# #", "###"}, true
	case '9':
		return [5]string{"###", "# #", "###", "  #", "###"}, true
	}
	return [5]string{}, false
}

// Figures is the number in big figures, five lines, or nil when it does not fit
// the width, in cells, or has something else than digits.
func Figures(number string, width int) []string {
	lines := make([]string, 5)
	for i, digit := range []rune(number) {
		points, ok := figure(digit)
		if !ok {
			return nil
		}
		for row := range lines {
			if i > 0 {
				lines[row] += "  "
			}
			lines[row] += strings.NewReplacer("#", "██", " ", "  ").Replace(points[row])
		}
	}
	if len([]rune(lines[0])) > width {
		return nil
	}
	return lines
}
