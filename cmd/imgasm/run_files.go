// The files of a machine that is about to run: its layer on the image, its seed,
// its key, its firmware.

package main

import (
	"cmp"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"
	"golang.org/x/crypto/ssh"

	"github.com/imgasm/imgasm/assemble/machine"
	"github.com/imgasm/imgasm/assemble/qcow2"
	"github.com/imgasm/imgasm/assemble/seed"
	"github.com/imgasm/imgasm/internal/derive"
	"github.com/imgasm/imgasm/internal/smallfile"
	"github.com/imgasm/imgasm/qemu"
	"github.com/imgasm/imgasm/qemu/instance"
)

// Files of an instance beside its own.
const (
	layerFile = "layer.qcow2"
	seedFile  = "seed.iso"
	keyFile   = "id_ed25519"
)

// The host's ports that lead to ssh servers, where they are free.
const (
	sshPort      = 2222
	sshPortNixOS = 2223
)

// defaultMemory is a machine's, in MiB.
const defaultMemory = 2048

// defaultUser is made by a seed that names no other.
const defaultUser = "admin"

// access is who shall be able to log in to a guest, and how.
type access struct {
	seed  *seed.Seed // nil: the image reads none, or needs none
	key   bool       // imgasm makes one
	own   string     // file of the user's private key, where it lies beside the public one
	user  string     // for ssh
	port  int
	notes []string
}

// maxUserData is the largest user-data file that is read, in bytes.
const maxUserData = 16 << 20

// access reads the flags of who may log in, and looks at what the image can do.
func (a *app) access(c *cli.Context, image *machine.Image) (access, error) {
	l := access{user: c.String("user"), port: sshPort}
	keys, err := readKeys(c.Context, c.StringSlice("ssh-key"))
	if err != nil {
		return l, err
	}
	var data []byte
	if file := c.String("user-data"); file != "" {
		if data, err = smallfile.Read(c.Context, file, maxUserData); err != nil {
			return l, badInput("--user-data", err, "")
		}
	}
	for _, v := range c.StringSlice("ssh-key") {
		if private, ok := strings.CutSuffix(v, ".pub"); ok && isFile(private) {
			if l.own, err = filepath.Abs(private); err != nil {
				return l, err
			}
		}
	}
	asked := keys != nil || data != nil || l.user != ""
	reads, err := image.Reads(c.Context)
	nixos := reads.OS == "nixos"
	if nixos {
		l.port = sshPortNixOS
	}
	switch {
	case err == nil && !reads.CloudInit && asked:
		return l, badInput("", fmt.Errorf("%s has no cloud-init, which would read a key or user-data", image.Path), "build it with the key, or leave out --ssh-key, --user and --user-data")
	case err == nil && !reads.CloudInit:
		l.user = image.SSHUser
		return l, nil
	case image.SSHKey && !asked:
		l.user = image.SSHUser
		return l, nil
	case err != nil:
		l.notes = append(l.notes, fmt.Sprintf("it cannot be told whether %s reads a seed: %v", image.Path, err))
	}
	l.seed = &seed.Seed{SSHKeys: keys, UserData: data}
	l.key = keys == nil && data == nil
	if data != nil {
		return l, nil
	}
	if l.user == "" {
		if l.user = defaultUser; nixos { // where cloud-init makes no users
			l.user = "root"
		}
	}
	l.seed.User = l.user
	return l, nil
}

// furnish makes the files, and describes the machine that has them.
func (a *app) furnish(c *cli.Context, f *instance.Folder, image *machine.Image, m *machine.Machine, l access) (instance.Spec, error) {
	file := func(name string) string { return filepath.Join(f.Dir, name) }
	var random [16]byte
	rand.Read(random[:])
	spec := instance.Spec{Image: image.Path, VM: m.Config, Kept: c.Bool("persist"), SSH: instance.SSH{Port: l.port, User: l.user, Key: l.own}}
	vm := &spec.VM
	vm.Name, vm.UUID = "imgasm "+f.Name, derive.UUID(string(random[:]), "machine")
	vm.MemoryMiB = cmp.Or(vm.MemoryMiB, defaultMemory)
	vm.Actions = qemu.Actions{Reboot: "reset", Shutdown: "poweroff", Panic: "none", Watchdog: "reset"}
	if c.Bool("gui") {
		vm.Window, vm.Sandbox = true, false // a toolkit may do what no machine needs
		if _, _, err := m.QEMU.Fit(*vm); err != nil {
			return spec, err
		}
		if err := m.QEMU.Windowed(c.Context); err != nil {
			return spec, err
		}
	}
	disk := qemu.Drive{ID: "image", Path: image.Path, Format: image.Format, Bus: qemu.VirtioBlk, BootIndex: 1}
	if !spec.Kept {
		if err := qcow2.CreateOverlay(file(layerFile), image.Path, image.Format, 0); err != nil {
			return spec, err
		}
		disk.Path, disk.Format, disk.Cache = file(layerFile), "qcow2", "unsafe" // it goes with the machine
	}
	vm.Drives = []qemu.Drive{disk}
	if l.key {
		public, err := makeKey(file(keyFile), "imgasm "+f.Name)
		if err != nil {
			return spec, err
		}
		l.seed.SSHKeys, spec.SSH.Key = []string{public}, file(keyFile)
	}
	if l.seed != nil {
		l.seed.InstanceID, l.seed.Hostname = vm.UUID, hostname(f.Name)
		if err := writeSeed(file(seedFile), *l.seed); err != nil {
			return spec, err
		}
		vm.Drives = append(vm.Drives, qemu.Drive{ID: "cidata", Path: file(seedFile), Bus: qemu.VirtioBlk, ReadOnly: true})
	}
	if m.Firmware != nil {
		private, err := machine.PrivateFirmware(m.Firmware, f.Dir)
		if err != nil {
			return spec, err
		}
		vm.Firmware = private
	}
	return spec, vm.Validate()
}

// hostname makes a host's name of an instance's.
func hostname(name string) string {
	return strings.Trim(strings.NewReplacer(".", "-", "_", "-").Replace(name), "-")
}

func writeSeed(path string, s seed.Seed) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(seed.Write(f, s), f.Close())
}

// makeKey makes a key pair for one machine: the private key's file, and the line
// of authorized_keys.
func makeKey(path, comment string) (public string, err error) {
	pub, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return "", err
	}
	block, err := ssh.MarshalPrivateKey(private, comment)
	if err != nil {
		return "", err
	}
	key, err := ssh.NewPublicKey(pub)
	if err != nil {
		return "", err
	}
	return strings.TrimSpace(string(ssh.MarshalAuthorizedKey(key))), os.WriteFile(path, pem.EncodeToMemory(block), 0o600)
}
