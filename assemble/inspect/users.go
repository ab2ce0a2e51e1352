// This file says who may log in: passwd(5), shadow(5), group(5), and sshd's
// keys. Hashes of passwords are looked at, and never told.

package inspect

import (
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/crypto/ssh"
)

// User is an account.
type User struct {
	Name  string `json:"name"`
	UID   uint32 `json:"uid"`
	Home  string `json:"home,omitempty"`
	Shell string `json:"shell,omitempty"`
	// Password is "set", "locked", "none needed" (it is empty) or "unknown".
	Password string `json:"password"`
	// Keys are those in ~/.ssh/authorized_keys, as ssh-keygen -l shows them:
	// "SHA256:… comment (ssh-ed25519)".
	Keys []string `json:"keys,omitempty"`
	// Groups are those that may become root: wheel, sudo, admin.
	Groups []string `json:"adminGroups,omitempty"`
}

// CanLogin reports whether somebody can log in as the user: by a password or a
// key, with a shell that is one.
func (u User) CanLogin() bool {
	shell := path.Base(u.Shell)
	return shell != "nologin" && shell != "false" && (u.Password == "set" || u.Password == "none needed" || len(u.Keys) > 0)
}

// Bounds of what is told: far above what any system has, and what a hostile one
// can be made of.
const (
	maxUsers   = 10_000
	maxKeys    = 10_000 // of all users
	maxKeyFile = 64 << 10
)

func (s *System) users() {
	passwords := map[string]string{}
	for _, line := range s.lines("etc/shadow") {
		if f := strings.Split(line, ":"); len(f) > 1 {
			passwords[f[0]] = passwordState(f[1])
		}
	}
	groups := map[string][]string{}
	for _, line := range s.lines("etc/group") {
		f := strings.Split(line, ":")
		if len(f) == 4 && slices.Contains([]string{"wheel", "sudo", "admin"}, f[0]) {
			for _, name := range strings.Split(f[3], ",") {
				groups[name] = append(groups[name], f[0])
			}
		}
	}
	keys := 0
	for _, line := range s.lines("etc/passwd") {
		if len(s.Users) == maxUsers || keys > maxKeys {
			s.Unread = append(s.Unread, "etc/passwd: more users or keys than are told")
			return
		}
		f := strings.Split(line, ":")
		if len(f) < 7 || strings.HasPrefix(f[0], "+") { // NIS
			continue
		}
		uid, err := strconv.ParseUint(f[2], 10, 32)
		if err != nil {
			continue
		}
		u := User{Name: f[0], UID: uint32(uid), Home: f[5], Shell: f[6], Password: "unknown", Groups: groups[f[0]]}
		switch state, ok := passwords[f[0]]; {
		case f[1] != "x":
			u.Password = passwordState(f[1])
		case ok:
			u.Password = state
		}
		u.Keys = s.keys(u)
		keys += len(u.Keys)
		s.Users = append(s.Users, u)
	}
}

// passwordState says of the second field of shadow what it means.
func passwordState(field string) string {
	switch {
	case field == "":
		return "none needed"
	case strings.HasPrefix(field, "!") || strings.HasPrefix(field, "*"):
		return "locked"
	}
	return "set"
}

// keys reads the user's authorized keys.
func (s *System) keys(u User) []string {
	if u.Home == "" || u.Home == "/" {
		return nil
	}
	var all []string
	for _, line := range s.linesOf(file(path.Join(u.Home, ".ssh/authorized_keys")), maxKeyFile) {
		key, comment, _, _, err := ssh.ParseAuthorizedKey([]byte(line))
		if err != nil {
			continue // a comment, or what sshd takes for no key either
		}
		all = append(all, strings.Join(strings.Fields(ssh.FingerprintSHA256(key)+" "+comment), " ")+" ("+key.Type()+")")
	}
	return all
}
