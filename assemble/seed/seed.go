// Package seed writes NoCloud seeds: the small volume from which cloud-init, or
// what stands for it in an image, learns at its first boot how the machine is
// called and who may log in (cloud-init's documentation, "NoCloud").
package seed

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"strings"

	"golang.org/x/crypto/ssh"

	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/internal/derive"
	"github.com/imgasm/imgasm/internal/fault"
)

// Label is the volume's label, by which cloud-init finds it.
const Label = "cidata"

// ErrSeed is what a seed is refused with that would not do what is meant.
var ErrSeed = fault.Class(fault.Input, "not fit for a NoCloud seed")

// Seed is what a machine is told. The zero value names an instance and nothing
// else.
type Seed struct {
	// InstanceID is the machine's identity: a guest that has seen another one
	// takes itself for new, and one that has seen it does nothing. "": derived
	// from the rest, so that what is changed is acted on.
	InstanceID string
	Hostname   string // "": the image's own
	// User gets SSHKeys, and sudo without a password; it is made if the image has
	// none of that name, else cloud-init locks its password. "": the user that the
	// image's maker has chosen ("debian", "almalinux"), or root where that is the one.
	User    string
	SSHKeys []string // lines of authorized_keys(5)
	// UserData is a user-data file of one's own, which is taken as it is and
	// excludes User. SSHKeys are for the image's own user then.
	UserData []byte
	// NetworkConfig is a network-config file of one's own; nil: the image's way,
	// which is DHCP.
	NetworkConfig []byte
}

// Write writes the seed as an ISO 9660 volume of some hundred kilobytes. Equal
// seeds give equal bytes. The error is of class ErrSeed, or w's.
func Write(w io.Writer, s Seed) error {
	files, err := s.Files()
	if err != nil {
		return err
	}
	return iso.WriteInstallerTree(w, Label, files, derive.Date(s.identity()))
}

// Files are the volume's files: meta-data, user-data, and network-config where
// the seed has one. The error is of class ErrSeed.
func (s Seed) Files() ([]iso.File, error) {
	if err := s.check(); err != nil {
		return nil, err
	}
	user := s.UserData
	if user == nil {
		user = s.userData()
	}
	files := []iso.File{iso.Bytes("meta-data", s.metaData()), iso.Bytes("user-data", user)}
	if s.NetworkConfig != nil {
		files = append(files, iso.Bytes("network-config", s.NetworkConfig))
	}
	return files, nil
}

// identity is a text that is the same for equal seeds only.
func (s Seed) identity() string {
	text, _ := json.Marshal(s) // strings and bytes
	return string(text)
}

func (s Seed) metaData() []byte {
	var b bytes.Buffer
	id := cmp.Or(s.InstanceID, derive.UUID(s.identity(), "instance"))
	fmt.Fprintf(&b, "instance-id: %s\n", quoted(id))
	if s.Hostname != "" {
		fmt.Fprintf(&b, "local-hostname: %s\n", quoted(s.Hostname))
	}
	if s.UserData != nil {
		list(&b, "", "public-keys", s.SSHKeys)
	}
	return b.Bytes()
}

// userData is a cloud-config, in YAML that a script can read line by line.
func (s Seed) userData() []byte {
	var b bytes.Buffer
	b.WriteString("#cloud-config\n")
	switch s.User {
	case "":
		list(&b, "", "ssh_authorized_keys", s.SSHKeys)
	case "root":
		b.WriteString("disable_root: false\nusers:\n  - name: root\n    lock_passwd: false\n")
		list(&b, "    ", "ssh_authorized_keys", s.SSHKeys)
	default:
		fmt.Fprintf(&b, "users:\n  - default\n  - name: %s\n    sudo: \"ALL=(ALL) NOPASSWD:ALL\"\n", quoted(s.User))
		list(&b, "    ", "ssh_authorized_keys", s.SSHKeys)
	}
	return b.Bytes()
}

func list(b *bytes.Buffer, indent, name string, items []string) {
	if len(items) == 0 {
		return
	}
	fmt.Fprintf(b, "%s%s:\n", indent, name)
	for _, item := range items {
		fmt.Fprintf(b, "%s  - %s\n", indent, quoted(item))
	}
}

// quoted is a scalar in double quotes: JSON's strings are YAML's (YAML 1.2.2, 7.3.1).
func quoted(s string) string {
	var b strings.Builder
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string
	return strings.TrimSuffix(b.String(), "\n")
}

var (
	hostnames = regexp.MustCompile(`^[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?(\.[A-Za-z0-9]([A-Za-z0-9-]*[A-Za-z0-9])?)*$`) // RFC 1123, section 2.1
	userNames = regexp.MustCompile(`^[a-z_][a-z0-9_-]{0,31}$`)                                                            // as useradd(8) takes them
	// userDataKinds begin a user-data that cloud-init acts on ("User data formats").
	// The last is gzip's magic number.
	userDataKinds = regexp.MustCompile(`^(#cloud-config|#!|#include|#cloud-boothook|#part-handler|## template: jinja|#upstart-job|(?i:Content-Type:|MIME-Version:)|\x1f\x8b)`)
)

// maxUserData is the longest user-data, in bytes: cloud-init knows no limit, and
// clouds stop at kilobytes.
const maxUserData = 16 << 20

func (s Seed) check() error {
	refuse := func(field string, err error, do string) error {
		return &fault.Error{Class: ErrSeed, Field: field, Err: err, Do: do}
	}
	switch {
	case s.Hostname != "" && (len(s.Hostname) > 253 || !hostnames.MatchString(s.Hostname)):
		return refuse("Hostname", fmt.Errorf("%q is no host name", s.Hostname), "give letters, digits and hyphens, such as web1 or web1.example.org")
	case s.User != "" && !userNames.MatchString(s.User):
		return refuse("User", fmt.Errorf("%q is no name for a user", s.User), "give small letters, digits, _ and -, such as admin")
	case s.UserData != nil && s.User != "":
		return refuse("UserData", errors.New("a user-data of your own says itself who may log in"), "leave {User} out, or write the user into it")
	case len(s.UserData) > maxUserData:
		return refuse("UserData", fmt.Errorf("%d bytes are more than a user-data has", len(s.UserData)), "")
	case s.UserData != nil && !userDataKinds.Match(s.UserData):
		return refuse("UserData", fmt.Errorf("its first line is %q, and cloud-init would not act on it", firstLine(s.UserData)), "begin it with #cloud-config, or #! for a script")
	}
	for _, key := range s.SSHKeys {
		if _, _, _, rest, err := ssh.ParseAuthorizedKey([]byte(key)); err != nil || len(rest) > 0 || strings.ContainsAny(key, "\r\n") {
			return refuse("SSHKeys", fmt.Errorf("%q is no public key", key), "give a line of a .pub file, such as ~/.ssh/id_ed25519.pub has")
		}
	}
	return nil
}

// firstLine is the beginning of a text's first line, for a message.
func firstLine(text []byte) string {
	line, _, _ := bytes.Cut(text, []byte("\n"))
	return string(line[:min(len(line), 60)])
}
