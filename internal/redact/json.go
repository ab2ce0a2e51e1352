package redact

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
)

// digest is a hash in hexadecimal: a short secret may stand in one by chance,
// and without it the record is worth nothing.
var digest = regexp.MustCompile(`^[0-9a-f]{40,128}$`)

// JSON returns the text of a JSON value with every secret in its strings
// replaced. Names of members, numbers and hashes stay, so that it is the same
// value to who reads it, whatever the secrets are.
func (v *Values) JSON(text []byte) []byte {
	var out bytes.Buffer
	for len(text) > 0 {
		from := bytes.IndexByte(text, '"')
		if from < 0 {
			break
		}
		to := stringEnd(text, from)
		out.Write(text[:from])
		out.Write(v.jsonString(text[from:to], bytes.HasPrefix(bytes.TrimLeft(text[to:], " \t\r\n"), []byte(":"))))
		text = text[to:]
	}
	out.Write(text)
	return out.Bytes()
}

// stringEnd is where the string that begins at from ends.
func stringEnd(text []byte, from int) int {
	for i := from + 1; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(text)
}

// jsonString is one string, quotes and all.
func (v *Values) jsonString(raw []byte, name bool) []byte {
	var s string
	if name || json.Unmarshal(raw, &s) != nil || digest.MatchString(s) && !v.is(s) {
		return raw
	}
	clean := v.String(s)
	if clean == s {
		return raw
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(bytes.Contains(raw, []byte(`\u00`)))
	if enc.Encode(clean) != nil {
		return []byte(`"` + Mask + `"`)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n"))
}

// is reports whether s is a secret as a whole.
func (v *Values) is(s string) bool {
	return v != nil && s != "" && slices.ContainsFunc(v.by[s[0]], func(value []byte) bool { return string(value) == s })
}
