// Package seed reads a NoCloud seed: the files meta-data and user-data of a
// volume labelled cidata (cloud-init, "NoCloud"), as far as the rehearsal's
// system acts on them.
package seed

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
)

// MaxBytes is the largest file that is read.
const MaxBytes = 1 << 20

// Seed is what a first boot is told.
type Seed struct {
	InstanceID string
	Hostname   string
	Keys       []string // authorized keys of the default user
	Users      []User
	// Ignored are keys of the user-data that the rehearsal does not act on.
	Ignored []string
}

// User is one user of the cloud-config.
type User struct {
	Name     string
	Keys     []string
	Groups   []string
	Password string // plain or hashed; empty: locked
	Sudo     bool
}

var errAlias = errors.New("YAML aliases are refused: a few lines of them can fill the memory")

// Parse reads the two files; either may be empty.
func Parse(metaData, userData []byte) (*Seed, error) {
	s := &Seed{}
	meta, err := document("meta-data", metaData)
	if err != nil {
		return nil, err
	}
	s.InstanceID = text(meta["instance-id"])
	s.Hostname = text(meta["local-hostname"])
	if len(bytes.TrimSpace(userData)) == 0 {
		return s, nil
	}
	if first, _, _ := bytes.Cut(userData, []byte("\n")); strings.TrimSpace(string(first)) != "#cloud-config" {
		s.Ignored = append(s.Ignored, strings.TrimSpace(string(first)))
		return s, nil
	}
	user, err := document("user-data", userData)
	if err != nil {
		return nil, err
	}
	for key, value := range user {
		switch key {
		case "hostname":
			s.Hostname = text(value)
		case "ssh_authorized_keys":
			s.Keys = texts(value)
		case "users":
			s.readUsers(value)
		default:
			s.Ignored = append(s.Ignored, key)
		}
	}
	return s, nil
}

func document(name string, data []byte) (map[string]any, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("%s: larger than %d bytes", name, MaxBytes)
	}
	for _, line := range strings.Split(string(data), "\n") {
		for _, word := range strings.Fields(line) {
			if len(word) > 1 && word[0] == '*' && !strings.ContainsAny(line, `"'`) {
				return nil, fmt.Errorf("%s: %w", name, errAlias)
			}
		}
	}
	var m map[string]any
	if err := yaml.Unmarshal(data, &m); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return m, nil
}

func text(v any) string {
	if v == nil {
		return ""
	}
	if s, ok := v.(string); ok {
		return s
	}
	return fmt.Sprint(v)
}

// texts reads a list, or one text with commas.
func texts(v any) []string {
	var all []string
	switch v := v.(type) {
	case []any:
		for _, e := range v {
			all = append(all, text(e))
		}
	case string:
		for _, e := range strings.Split(v, ",") {
			if e = strings.TrimSpace(e); e != "" {
				all = append(all, e)
			}
		}
	}
	return all
}

func (s *Seed) readUsers(v any) {
	list, _ := v.([]any)
	for _, e := range list {
		m, ok := e.(map[string]any)
		if !ok {
			continue // "default", the user that the image has already
		}
		u := User{Name: text(m["name"]), Keys: texts(m["ssh_authorized_keys"]), Groups: texts(m["groups"])}
		for _, key := range []string{"plain_text_passwd", "hashed_passwd", "passwd"} {
			if p := text(m[key]); p != "" {
				u.Password = p
			}
		}
		u.Sudo = strings.Contains(strings.Join(append(texts(m["sudo"]), ""), " "), "NOPASSWD")
		if u.Name != "" {
			s.Users = append(s.Users, u)
		}
	}
}
