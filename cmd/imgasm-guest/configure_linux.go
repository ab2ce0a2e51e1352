// The installed system's configuration out of the kickstart: names, users,
// passwords, keys.

package main

import (
	"cmp"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"

	"github.com/imgasm/imgasm/cmd/imgasm-guest/layout"
	"github.com/imgasm/imgasm/kickstart"
	"github.com/imgasm/imgasm/kickstart/render"
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

// createUsers has the target's own useradd, groupadd and usermod make the
// accounts, as Anaconda does, and writes the keys.
func (i *installer) createUsers() error {
	var failed error
	run := func(args ...string) {
		if failed == nil {
			failed = i.run("", "chroot", append([]string{sysimage}, args...)...)
		}
	}
	i.each("rootpw", func(a *kickstart.Args) {
		hash, err := passwordHash(a, firstOf(a, ""), "root")
		if failed = errors.Join(failed, err); hash != "" {
			run("usermod", "-p", hash, "root")
		}
		if a.Flag("--allow-ssh") {
			failed = errors.Join(failed, i.put("etc/ssh/sshd_config.d/01-permitrootlogin.conf", "PermitRootLogin yes\n", 0o600))
		}
	})
	i.each("group", func(a *kickstart.Args) {
		name, _ := a.String("--name")
		args := []string{"groupadd", name}
		if gid, ok := a.String("--gid"); ok {
			args = append(args, "-g", gid)
		}
		run(args...)
	})
	homes := map[string]string{"root": "/root"}
	i.each("user", func(a *kickstart.Args) {
		name, _ := a.String("--name")
		password, _ := a.String("--password")
		hash, err := passwordHash(a, password, name)
		failed = errors.Join(failed, err)
		homes[name] = "/home/" + name
		args := []string{"useradd", "-m", "-K", "HOME_MODE=0700", "-s", "/bin/bash", "-p", cmp.Or(hash, "!")}
		for option, flag := range map[string]string{"--homedir": "-d", "--shell": "-s", "--gecos": "-c", "--uid": "-u"} {
			if v, ok := a.String(option); ok {
				args = append(args, flag, v)
			}
		}
		if v, ok := a.String("--homedir"); ok {
			homes[name] = v
		}
		if gid, ok := a.String("--gid"); ok {
			run("groupadd", "-f", "-g", gid, name)
			args = append(args, "-g", gid)
		} else {
			args = append(args, "-U")
		}
		var groups []string
		for _, g := range a.List("--groups") {
			g, number, numbered := strings.Cut(strings.TrimSuffix(g, ")"), "(")
			add := []string{"groupadd", "-f", g}
			if numbered {
				add = append(add, "-g", number)
			}
			run(add...)
			groups = append(groups, g)
		}
		run(append(args, "-G", strings.Join(groups, ","), name)...)
	})
	i.each("sshkey", func(a *kickstart.Args) {
		name, _ := a.String("--username")
		dir := filepath.Join(homes[name], ".ssh")
		failed = errors.Join(failed, i.appendKey(dir, firstOf(a, "")))
		run("chown", "-R", name+":", dir)
	})
	if failed != nil {
		return &cmdlineError{"The following error occurred during the installation:\n\n" + failed.Error()}
	}
	return nil
}

// passwordHash is what shadow(5) gets for a password of the kickstart; a locked
// account's begins with "!".
func passwordHash(a *kickstart.Args, password, name string) (string, error) {
	hash := password
	if !a.Flag("--iscrypted") && password != "" {
		seed := make([]byte, 16)
		rand.Read(seed)
		var err error
		if hash, err = render.HashPassword(password, seed, name); err != nil {
			return "", fmt.Errorf("password of %s: %w", name, err)
		}
	}
	if a.Flag("--lock") {
		hash = "!" + hash
	}
	return hash, nil
}

// appendKey adds a key to those of a folder .ssh in the target.
func (i *installer) appendKey(dir, key string) error {
	old, err := os.ReadFile(filepath.Join(sysimage, dir, "authorized_keys"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := i.put(filepath.Join(dir, "authorized_keys"), string(old)+key+"\n", 0o600); err != nil {
		return err
	}
	return os.Chmod(filepath.Join(sysimage, dir), 0o700)
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
