// A guard before the shell parser, which calls itself for everything that is
// nested: scripts made to exhaust the stack are not given to it.

package kickstart

const (
	// maxScript is the size of the largest script whose syntax is checked, in
	// bytes.
	maxScript = 512 << 10
	// maxNesting is far above what people write, and some megabytes of stack.
	maxNesting = 500
)

// nests says how words of the shell change the depth.
var nests = map[string]int{
	"if": 1, "while": 1, "until": 1, "for": 1, "select": 1, "case": 1,
	"fi": -1, "done": -1, "esac": -1,
}

// tooDeep estimates from brackets and keywords alone, without a look at
// quotes, whether a script is nested more than maxNesting deep.
func tooDeep(script []byte) bool {
	brackets, keywords := 0, 0
	word := -1 // where the current run of lower-case letters begins
	for i := 0; i <= len(script); i++ {
		var c byte
		if i < len(script) {
			c = script[i]
		}
		if c >= 'a' && c <= 'z' {
			if word < 0 {
				word = i
			}
			continue
		}
		if word >= 0 {
			if n := i - word; n >= 2 && n <= 6 {
				keywords = max(0, keywords+nests[string(script[word:i])])
			}
			word = -1
		}
		switch c {
		case '(', '{', '[':
			brackets++
		case ')', '}', ']':
			brackets = max(0, brackets-1)
		}
		if brackets > maxNesting || keywords > maxNesting {
			return true
		}
	}
	return false
}
