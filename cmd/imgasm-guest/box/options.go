// Options of commands: short ones in one word, long ones with or without "=".

package box

import (
	"fmt"
	"strings"
)

// options parts args in options and operands. flags are the options without a
// value and valued those with one, by their names without dashes, each a
// letter or a word, separated by blanks. An unknown option is an error.
func (c *call) options(flags, valued string) (given map[string]string, operands []string, err error) {
	given = map[string]string{}
	kind := map[string]int{}
	for _, f := range strings.Fields(flags) {
		kind[f] = 1
	}
	for _, v := range strings.Fields(valued) {
		kind[v] = 2
	}
	args := c.args
	for len(args) > 0 {
		a := args[0]
		args = args[1:]
		switch {
		case a == "--":
			return given, append(operands, args...), nil
		case strings.HasPrefix(a, "--"):
			name, value, has := strings.Cut(a[2:], "=")
			switch {
			case kind[name] == 0:
				return nil, nil, fmt.Errorf("unrecognized option '%s'", a)
			case kind[name] == 2 && !has:
				if len(args) == 0 {
					return nil, nil, fmt.Errorf("option '%s' requires an argument", a)
				}
				value, args = args[0], args[1:]
			}
			given[name] = value
		case len(a) > 1 && a[0] == '-':
			for i := 1; i < len(a); i++ {
				name := a[i : i+1]
				if kind[name] == 0 {
					return nil, nil, fmt.Errorf("invalid option -- '%s'", name)
				}
				if kind[name] == 1 {
					given[name] = ""
					continue
				}
				value := a[i+1:]
				if value == "" {
					if len(args) == 0 {
						return nil, nil, fmt.Errorf("option requires an argument -- '%s'", name)
					}
					value, args = args[0], args[1:]
				}
				given[name] = value
				break
			}
		default:
			operands = append(operands, a)
		}
	}
	return given, operands, nil
}

// has tells whether one of the options is given.
func has(given map[string]string, names ...string) bool {
	for _, n := range names {
		if _, ok := given[n]; ok {
			return true
		}
	}
	return false
}

// first returns the value of the first of the options that is given.
func first(given map[string]string, names ...string) (string, bool) {
	for _, n := range names {
		if v, ok := given[n]; ok {
			return v, true
		}
	}
	return "", false
}
