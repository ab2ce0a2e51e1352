// Accounts of the installed system: passwd(5), shadow(5), group(5).

package main

import (
	"fmt"
	"io/fs"
	"strconv"
	"strings"
)

// account is one line of passwd with its password hash.
type account struct {
	name, hash  string
	uid, gid    int
	gecos       string
	home, shell string
}

type group struct {
	name    string
	gid     int
	members []string
}

type accounts struct {
	users  []account
	groups []group
}

// baseGroups are the groups that kickstarts count on.
func baseGroups() []group {
	return []group{{name: "root"}, {name: "adm", gid: 4}, {name: "wheel", gid: 10}, {name: "systemd-journal", gid: 190}}
}

// freeID is the first number from 1000 on that no user or group has.
func (db *accounts) freeID() int {
	for id := 1000; ; id++ {
		taken := false
		for _, u := range db.users {
			taken = taken || u.uid == id
		}
		for _, g := range db.groups {
			taken = taken || g.gid == id
		}
		if !taken {
			return id
		}
	}
}

// add adds a user, the group of its own number if there is none, and puts it
// into groups: NAME or NAME(GID), made if missing.
func (db *accounts) add(u account, groups []string) {
	db.users = append(db.users, u)
	known := false
	for _, g := range db.groups {
		known = known || g.gid == u.gid
	}
	if !known {
		db.groups = append(db.groups, group{name: u.name, gid: u.gid})
	}
	for _, name := range groups {
		name, number, numbered := strings.Cut(strings.TrimSuffix(name, ")"), "(")
		g := db.find(name)
		if g == nil {
			gid, err := strconv.Atoi(number)
			if !numbered || err != nil {
				gid = db.freeID()
			}
			db.groups = append(db.groups, group{name: name, gid: gid})
			g = &db.groups[len(db.groups)-1]
		}
		g.members = append(g.members, u.name)
	}
}

func (db *accounts) find(name string) *group {
	for k := range db.groups {
		if db.groups[k].name == name {
			return &db.groups[k]
		}
	}
	return nil
}

type textFile struct {
	text string
	mode fs.FileMode
}

// files are the three data bases, by path in the target.
func (db *accounts) files() map[string]textFile {
	var passwd, shadow, groups strings.Builder
	for _, u := range db.users {
		fmt.Fprintf(&passwd, "%s:x:%d:%d:%s:%s:%s\n", u.name, u.uid, u.gid, plain(u.gecos), u.home, u.shell)
		fmt.Fprintf(&shadow, "%s:%s::0:99999:7:::\n", u.name, plain(u.hash))
	}
	for _, g := range db.groups {
		fmt.Fprintf(&groups, "%s:x:%d:%s\n", g.name, g.gid, strings.Join(g.members, ","))
	}
	return map[string]textFile{
		"etc/passwd": {passwd.String(), 0o644}, "etc/shadow": {shadow.String(), 0o600}, "etc/group": {groups.String(), 0o644},
	}
}

// plain removes what would begin another field or line.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r == ':' || r < ' ' {
			return -1
		}
		return r
	}, s)
}

// parsePasswd reads passwd and shadow back.
func parsePasswd(passwd, shadow string) []account {
	hashes := map[string]string{}
	for _, line := range strings.Split(shadow, "\n") {
		if f := strings.Split(line, ":"); len(f) > 1 {
			hashes[f[0]] = f[1]
		}
	}
	var all []account
	for _, line := range strings.Split(passwd, "\n") {
		f := strings.Split(line, ":")
		if len(f) < 7 {
			continue
		}
		uid, err1 := strconv.Atoi(f[2])
		gid, err2 := strconv.Atoi(f[3])
		if err1 != nil || err2 != nil {
			continue
		}
		all = append(all, account{name: f[0], hash: hashes[f[0]], uid: uid, gid: gid, gecos: f[4], home: f[5], shell: f[6]})
	}
	return all
}

// parseGroups reads group(5) back.
func parseGroups(text string) []group {
	var all []group
	for _, line := range strings.Split(text, "\n") {
		f := strings.Split(line, ":")
		if len(f) < 4 {
			continue
		}
		gid, err := strconv.Atoi(f[2])
		if err != nil {
			continue
		}
		g := group{name: f[0], gid: gid}
		if f[3] != "" {
			g.members = strings.Split(f[3], ",")
		}
		all = append(all, g)
	}
	return all
}

// defaultUser is the first user that a person made, or root.
func (db *accounts) defaultUser() account {
	for _, u := range db.users {
		if u.uid >= 1000 {
			return u
		}
	}
	for _, u := range db.users {
		if u.uid == 0 {
			return u
		}
	}
	return account{}
}
