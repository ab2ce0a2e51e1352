// The installed system's configuration out of the kickstart: names, users,
// passwords, keys.

package main

import (
	"crypto/rand"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/imgasm/imgasm/cmd/imgasm-guest/layout"
	"github.com/imgasm/imgasm/kickstart"
)

// each calls do with the decoded arguments of every command of a name.
func (i *installer) each(name string, do func(a *kickstart.Args)) {
	for _, c := range i.commands {
		if c.Name() == name {
			a, _ := kickstart.Decode(c, kickstart.AlmaLinux10)
			do(a)
		}
	}
}

// put writes a file of the target, its folder too.
func (i *installer) put(path, text string, mode fs.FileMode) error {
	to := filepath.Join(sysimage, path)
	if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
		return err
	}
	if err := os.WriteFile(to, []byte(text), mode); err != nil {
		return err
	}
	return os.Chmod(to, mode)
}

func (i *installer) configureSystem() error {
	if err := i.installGuest(); err != nil {
		return &cmdlineError{err.Error()}
	}
	lang, keymap, zone := "en_US.UTF-8", "us", "UTC"
	i.each("lang", func(a *kickstart.Args) { lang = firstOf(a, lang) })
	i.each("keyboard", func(a *kickstart.Args) { keymap = firstOf(a, keymap) })
	i.each("timezone", func(a *kickstart.Args) { zone = firstOf(a, zone) })
	for _, f := range []struct{ path, text string }{
		{"etc/locale.conf", "LANG=" + lang + "\n"},
		{"etc/vconsole.conf", "KEYMAP=" + keymap + "\n"},
		{"etc/timezone", zone + "\n"},
		{"etc/fstab", i.fstab()},
		{"etc/machine-id", machineID()},
	} {
		if err := i.put(f.path, f.text, 0o644); err != nil {
			return err
		}
	}
	return nil
}

// installGuest puts the guest's program on the disk, where it is every command
// of the installed system, and once more with the right of sudo.
func (i *installer) installGuest() error {
	for name, mode := range map[string]fs.FileMode{boxProgram: 0o755, "sudo": 0o755 | fs.ModeSetuid} {
		to := filepath.Join(sysimage, "usr/bin", name)
		if err := os.MkdirAll(filepath.Dir(to), 0o755); err != nil {
			return err
		}
		if err := copyFile("/init", to, 0o755); err != nil {
			return err
		}
		if err := os.Chmod(to, mode); err != nil {
			return err
		}
	}
	linkBox(sysimage)
	return nil
}

// fstab names the target's file systems, outer mount points before inner ones.
func (i *installer) fstab() string {
	var lines []string
	for _, p := range i.plan.Partitions {
		switch {
		case p.FS == layout.EFI:
			lines = append(lines, fmt.Sprintf("%s UUID=%s %s vfat umask=0077,shortname=winnt 0 2\n", p.Mount, i.roots[p.Mount], p.Mount))
		case p.Mount != "":
			lines = append(lines, fmt.Sprintf("%s UUID=%s %s %s defaults 0 0\n", p.Mount, i.roots[p.Mount], p.Mount, p.FS))
		}
	}
	sort.Strings(lines)
	var b strings.Builder
	for _, l := range lines {
		_, entry, _ := strings.Cut(l, " ")
		b.WriteString(entry)
	}
	return b.String()
}

func firstOf(a *kickstart.Args, fallback string) string {
	if p := a.Positional(); len(p) > 0 {
		return p[0]
	}
	return fallback
}

func machineID() string {
	b := make([]byte, 16)
	rand.Read(b)
	return fmt.Sprintf("%x\n", b)
}

func (i *installer) writeNetwork() error {
	name := ""
	i.each("network", func(a *kickstart.Args) {
		if v, ok := a.String("--hostname"); ok {
			name = v
		}
	})
	if name == "" {
		return nil
	}
	return i.put("etc/hostname", name+"\n", 0o644)
}

// createUsers writes passwd, shadow, group, home folders and keys.
func (i *installer) createUsers() error {
	db := accounts{groups: baseGroups()}
	db.users = append(db.users, account{name: "root", home: "/root", shell: "/bin/bash", hash: "!locked"})
	var failed error
	hash := func(a *kickstart.Args, password, name string) string {
		if a.Flag("--iscrypted") || password == "" {
			return password
		}
		seed := make([]byte, 16)
		rand.Read(seed)
		h, err := kickstart.HashPassword(password, seed, name)
		if err != nil {
			failed = fmt.Errorf("password of %s: %w", name, err)
		}
		return h
	}
	i.each("rootpw", func(a *kickstart.Args) {
		root := &db.users[0]
		if h := hash(a, firstOf(a, ""), "root"); h != "" {
			root.hash = h
		}
		if a.Flag("--lock") {
			root.hash = "!" + strings.TrimPrefix(root.hash, "!")
		}
		if a.Flag("--allow-ssh") {
			failed = i.put("etc/ssh/sshd_config.d/01-permitrootlogin.conf", "PermitRootLogin yes\n", 0o600)
		}
	})
	i.each("group", func(a *kickstart.Args) {
		name, _ := a.String("--name")
		gid, ok := a.Int("--gid")
		if !ok {
			gid = db.freeID()
		}
		db.groups = append(db.groups, group{name: name, gid: gid})
	})
	i.each("user", func(a *kickstart.Args) {
		name, _ := a.String("--name")
		password, _ := a.String("--password")
		u := account{name: name, hash: hash(a, password, name), home: "/home/" + name, shell: "/bin/bash"}
		if u.hash == "" || a.Flag("--lock") {
			u.hash = "!" + u.hash
		}
		if v, ok := a.String("--homedir"); ok {
			u.home = v
		}
		if v, ok := a.String("--shell"); ok {
			u.shell = v
		}
		u.gecos, _ = a.String("--gecos")
		id, ok := a.Int("--uid")
		if !ok {
			id = db.freeID()
		}
		gid, ok := a.Int("--gid")
		if !ok {
			gid = id
		}
		u.uid, u.gid = id, gid
		db.add(u, a.List("--groups"))
	})
	if failed != nil {
		return &cmdlineError{"The following error occurred during the installation:\n\n" + failed.Error()}
	}
	keys := map[string]string{}
	i.each("sshkey", func(a *kickstart.Args) {
		name, _ := a.String("--username")
		keys[name] += firstOf(a, "") + "\n"
	})
	for path, f := range db.files() {
		if err := i.put(path, f.text, f.mode); err != nil {
			return err
		}
	}
	for _, u := range db.users {
		if err := i.makeHome(u, keys[u.name]); err != nil {
			return err
		}
	}
	return nil
}

func (i *installer) makeHome(u account, keys string) error {
	home := filepath.Join(sysimage, u.home)
	if err := os.MkdirAll(home, 0o700); err != nil {
		return err
	}
	paths := []string{home}
	if keys != "" {
		if err := os.MkdirAll(filepath.Join(home, ".ssh"), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(home, ".ssh/authorized_keys"), []byte(keys), 0o600); err != nil {
			return err
		}
		paths = append(paths, filepath.Join(home, ".ssh"), filepath.Join(home, ".ssh/authorized_keys"))
	}
	for _, p := range paths {
		if err := os.Chown(p, u.uid, u.gid); err != nil {
			return err
		}
	}
	return nil
}

// storeKickstart keeps the kickstart in the image, as Anaconda does.
func (i *installer) storeKickstart() error {
	src, err := os.ReadFile(ksPath)
	if err != nil {
		return err
	}
	if v, _ := i.args.value("inst.nosave"); strings.Contains(v, "all") || strings.Contains(v, "input_ks") {
		return nil
	}
	return i.put("root/original-ks.cfg", string(src), 0o600)
}
