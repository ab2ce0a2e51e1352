// The NoCloud seed: what a volume labelled cidata tells the installed system.

package main

import (
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/imgasm/imgasm/cmd/imgasm-guest/seed"
	"github.com/imgasm/imgasm/kickstart"
)

// instanceFile remembers for which instance the seed was applied.
const instanceFile = "/var/lib/cloud/data/instance-id"

func (s *system) readSeed() {
	var volume *device
	for _, d := range devices() {
		if strings.EqualFold(d.label, "cidata") {
			volume = &d
			break
		}
	}
	if volume == nil {
		return
	}
	const at = "/run/cidata"
	if err := mountVolume(volume, at, true); err != nil {
		s.con.Journal("cloud-init", 512, err.Error())
		return
	}
	defer unix.Unmount(at, 0)
	meta, _ := os.ReadFile(at + "/meta-data")
	user, _ := os.ReadFile(at + "/user-data")
	sd, err := seed.Parse(meta, user)
	if err != nil {
		s.con.Journal("cloud-init", 512, err.Error())
		return
	}
	if len(sd.Ignored) > 0 {
		s.con.Journal("cloud-init", 512, "the rehearsal does not act on: "+strings.Join(sd.Ignored, ", "))
	}
	if last, err := os.ReadFile(instanceFile); err == nil && strings.TrimSpace(string(last)) == sd.InstanceID && sd.InstanceID != "" {
		return
	}
	if err := s.applySeed(sd); err != nil {
		s.con.Journal("cloud-init", 512, err.Error())
		return
	}
	os.MkdirAll(filepath.Dir(instanceFile), 0o755)
	os.WriteFile(instanceFile, []byte(sd.InstanceID+"\n"), 0o644)
	s.con.Journal("cloud-init", 512, "applied the seed of instance "+sd.InstanceID)
}

func (s *system) applySeed(sd *seed.Seed) error {
	if sd.Hostname != "" {
		s.setHostname(sd.Hostname)
		if err := os.WriteFile("/etc/hostname", []byte(sd.Hostname+"\n"), 0o644); err != nil {
			return err
		}
	}
	db := readAccounts()
	if len(sd.Keys) > 0 {
		if err := addKeys(db.defaultUser(), sd.Keys); err != nil {
			return err
		}
	}
	for _, u := range sd.Users {
		if _, ok := accountNamed(u.Name); !ok {
			hash := u.Password
			if hash == "" {
				hash = "!"
			} else if !kickstart.IsHashed(hash) {
				salt := make([]byte, 16)
				rand.Read(salt)
				h, err := kickstart.HashPassword(hash, salt, u.Name)
				if err != nil {
					return fmt.Errorf("password of %s: %w", u.Name, err)
				}
				hash = h
			}
			id := db.freeID()
			db.add(account{name: u.Name, hash: hash, uid: id, gid: id, home: "/home/" + u.Name, shell: "/bin/bash"}, u.Groups)
			for path, f := range db.files() {
				if err := os.WriteFile("/"+path, []byte(f.text), f.mode); err != nil {
					return err
				}
			}
		}
		a, _ := accountNamed(u.Name)
		if err := os.MkdirAll(a.home, 0o700); err != nil {
			return err
		}
		os.Chown(a.home, a.uid, a.gid)
		if err := addKeys(a, u.Keys); err != nil {
			return err
		}
		if u.Sudo {
			os.MkdirAll("/etc/sudoers.d", 0o750)
			if err := os.WriteFile("/etc/sudoers.d/90-seed-"+u.Name, []byte(u.Name+" ALL=(ALL) NOPASSWD:ALL\n"), 0o440); err != nil {
				return err
			}
		}
	}
	return nil
}

func readAccounts() *accounts {
	db := &accounts{users: accountsNow()}
	data, _ := os.ReadFile("/etc/group")
	db.groups = parseGroups(string(data))
	return db
}

func addKeys(a account, keys []string) error {
	if len(keys) == 0 || a.home == "" {
		return nil
	}
	dir := inHome(a, ".ssh")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(filepath.Join(dir, "authorized_keys"), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	_, err = f.WriteString(strings.Join(keys, "\n") + "\n")
	if e := f.Close(); err == nil {
		err = e
	}
	os.Chown(dir, a.uid, a.gid)
	os.Chown(f.Name(), a.uid, a.gid)
	return err
}
