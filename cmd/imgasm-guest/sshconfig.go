// The parts of sshd_config(5) and group(5) that decide who may log in.

package main

import (
	"strconv"
	"strings"
)

// loginRules are what sshd_config says.
type loginRules struct {
	root      string // PermitRootLogin: "yes", "no", "prohibit-password", …
	passwords bool   // PasswordAuthentication
}

// sshRules reads a configuration; of several settings the first one counts.
func sshRules(config string) loginRules {
	r := loginRules{root: "prohibit-password", passwords: true}
	seen := map[string]bool{}
	for _, line := range strings.Split(config, "\n") {
		f := strings.Fields(line)
		if len(f) < 2 {
			continue
		}
		key := strings.ToLower(f[0])
		if key == "match" {
			break // rules for some connections only are none for all
		}
		if seen[key] {
			continue
		}
		seen[key] = true
		switch key {
		case "permitrootlogin":
			r.root = strings.ToLower(f[1])
		case "passwordauthentication":
			r.passwords = strings.ToLower(f[1]) != "no"
		}
	}
	return r
}

// memberships are the numbers of the groups of group(5) that name a user.
func memberships(groups, name string) []uint32 {
	var all []uint32
	for _, line := range strings.Split(groups, "\n") {
		f := strings.Split(line, ":")
		if len(f) < 4 {
			continue
		}
		gid, err := strconv.ParseUint(f[2], 10, 32)
		if err != nil {
			continue
		}
		for _, member := range strings.Split(f[3], ",") {
			if member == name {
				all = append(all, uint32(gid))
			}
		}
	}
	return all
}
