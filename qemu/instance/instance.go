// Package instance keeps virtual machines that run: each has a name, a folder
// with its files, and a supervisor, which is a process that owns QEMU and serves
// those who want something of it. QEMU ends with its supervisor, and what a
// supervisor that was killed has left is removed by the next call of any program
// that looks. A supervisor whose folder vanishes ends its machine.
//
// A program reserves a name with [Store.Create], puts the machine's files into
// the folder, and then either supervises it itself ([Folder.Run]) or has another
// process do so ([Folder.Detach], and [Supervise] there). All programs of the
// same user find it with [Store.List] and [Store.Find].
package instance

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"time"

	"github.com/imgasm/imgasm/internal/fault"
	"github.com/imgasm/imgasm/qemu"
)

// The classes of errors, for errors.Is.
var (
	// ErrName is what cannot be an instance's name.
	ErrName = fault.Class(fault.Input, "not a name of a machine")
	// ErrTaken: an instance of that name runs.
	ErrTaken = fault.Class(fault.Input, "a machine of that name runs")
	// ErrNone: no instance of that name runs, or none at all.
	ErrNone = fault.Class(fault.Input, "no such instance")
	// ErrSeveral: which one is meant is not said.
	ErrSeveral = fault.Class(fault.Input, "several machines run")
	// ErrPort: a port of this host is taken.
	ErrPort = fault.Class(fault.Host, "a port is taken")
	// ErrSupervisor: the supervisor did not start, or does not answer.
	ErrSupervisor = fault.Class(fault.Host, "the supervisor does not work")
	// ErrQEMU: QEMU ended by itself while the guest ran.
	ErrQEMU = fault.Class(fault.Host, "QEMU has ended")
	// ErrLost: the instance's folder has vanished, and the machine was ended.
	ErrLost = fault.Class(fault.Host, "the instance's folder is gone")
)

// Spec is what an instance is.
type Spec struct {
	Image string      `json:"image"` // whose machine it is, for people
	VM    qemu.Config `json:"vm"`
	// Kept: what the guest writes is written to the image.
	Kept bool `json:"kept,omitempty"`
	SSH  SSH  `json:"ssh"`
}

// SSH is how to log in to the guest.
type SSH struct {
	// Port of this host leads to the guest's. Where VM.Net has no forward to
	// GuestPort, the first free port from Port on is taken; 0: none.
	Port int    `json:"port,omitempty"`
	User string `json:"user,omitempty"` // "": not known
	// Key is the private key's file; "": one of the user's own.
	Key string `json:"key,omitempty"`
}

// GuestPort is where the guest's ssh server listens.
const GuestPort = 22

// Instance is a machine that runs, as its folder says.
type Instance struct {
	Name string `json:"name"`
	Dir  string `json:"dir"`
	Spec
	Supervisor int       `json:"supervisor"` // process number; 0: it is about to be started
	Began      time.Time `json:"began"`

	Owner   process `json:"owner"`             // without whom it is nothing: the supervisor, or who is about to start it
	Sockets string  `json:"sockets,omitempty"` // folder of the sockets
}

// process is one process and no other.
type process struct {
	Pid  int    `json:"pid"`
	ID   string `json:"id"`
	Host string `json:"host,omitempty"`
}

// Files in an instance's folder. Others are the caller's.
const (
	recordFile  = "instance.json"
	consoleFile = "console.log"
	stderrFile  = "supervisor.log"
	screenFile  = "screen.png"
	knownFile   = "known_hosts"

	consoleSocket = "console"
	controlSocket = "control"
)

// KnownHosts is the file in which ssh keeps the guest's host key.
func (i *Instance) KnownHosts() string { return filepath.Join(i.Dir, knownFile) }

// maxName bounds names, in bytes: socket paths have little room.
const maxName = 32

// names are lower-case letters, digits, '.', '_' and '-': "alma-10.1".
var names = regexp.MustCompile(`^[a-z0-9][a-z0-9._-]*$`)

// CheckName says what is wrong with a name: ErrName.
func CheckName(name string) error {
	if len(name) > maxName || !names.MatchString(name) {
		return &fault.Error{Class: ErrName, Field: "Name", Err: fmt.Errorf("%q: a name has 1 to %d lower-case letters, digits, '.', '_' and '-', and begins with a letter or digit", name, maxName), Do: "such as alma"}
	}
	return nil
}

// NameOf makes a name of an image's path: "Alma 10.qcow2" gives "alma-10".
func NameOf(image string) string {
	base := filepath.Base(image)
	name := strings.ToLower(strings.TrimSuffix(base, filepath.Ext(base)))
	name = regexp.MustCompile(`[^a-z0-9._-]+`).ReplaceAllString(name, "-")
	name = strings.Trim(name, "._-")
	const room = len("-99") // for those of the same name
	name = strings.TrimRight(name[:min(len(name), maxName-room)], "._-")
	if name == "" {
		return "vm"
	}
	return name
}

func none(name string) error {
	text := "no machine runs"
	if name != "" {
		text = fmt.Sprintf("no machine %q runs", name)
	}
	return &fault.Error{Class: ErrNone, Err: errors.New(text), Do: "imgasm ps lists those that run; imgasm run IMAGE starts one"}
}
