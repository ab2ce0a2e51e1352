// What is done in the new system when it is installed: files that are copied into
// it, and scripts that it runs.

package alma

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/imgasm/imgasm/assemble"
	"github.com/imgasm/imgasm/assemble/iso"
	"github.com/imgasm/imgasm/internal/digest"
	"github.com/imgasm/imgasm/internal/size"
	"github.com/imgasm/imgasm/internal/smallfile"
	"github.com/imgasm/imgasm/internal/tree"
	"github.com/imgasm/imgasm/kickstart"
	"github.com/imgasm/imgasm/kickstart/render"
)

// Provision is one thing to do in the new system: a script to run or a copy to make.
type Provision struct {
	Script string `json:"script,omitempty"` // path of a script; "": a copy
	Copy   string `json:"copy,omitempty"`   // path of a file or folder of this host
	To     string `json:"to,omitempty"`     // where it goes in the new system: see render.Copied
}

// field is what messages call it.
func (v Provision) field() string {
	if v.Script != "" {
		return "Post"
	}
	return "Copy"
}

// path is where it is on this host.
func (v Provision) path() string { return v.Script + v.Copy }

// provisions is what Spec.Provision comes to.
type provisions struct {
	scripts []render.Script
	ca      []byte      // PEM
	files   []tree.File // for the volume from which scripts copy them
	bytes   int64       // of all files
	inputs  []assemble.Input
	order   []string // what is done, one after the other: "post-1", "copy-1 to /etc/motd"
}

// readProvisions reads the scripts, and lists what is copied.
func (p *Plan) readProvisions(ctx context.Context) error {
	p.provisions = provisions{}
	if err := p.readReach(ctx); err != nil {
		return err
	}
	counts := map[string]int{}
	for _, v := range p.Spec.Provision {
		counts[v.field()]++
		in := assemble.Input{Role: fmt.Sprintf("%s-%d", strings.ToLower(v.field()), counts[v.field()]), Name: filepath.Base(v.path())}
		if v.Script != "" {
			text, err := smallfile.ReadAgain(ctx, v.Script, kickstart.MaxSize)
			if err != nil {
				return bad("Post", err, "give the path of a script on this host")
			}
			in.Size, in.SHA256 = int64(len(text)), digest.Bytes(text)
			p.provisions.scripts = append(p.provisions.scripts, render.Script{Name: in.Name, Text: string(text)})
			p.provisions.inputs, p.provisions.order = append(p.provisions.inputs, in), append(p.provisions.order, in.Role)
			continue
		}
		if err := p.copied(ctx, v, "copy/"+in.Role[len("copy-"):], in); err != nil {
			return bad("Copy", err, assemble.Hint(err))
		}
	}
	if n := p.provisions.bytes; n >= p.Spec.DiskSize {
		return bad("Copy", fmt.Errorf("%s do not fit on a disk of %s", size.Text(n), size.Format(p.Spec.DiskSize)), "give a larger {DiskSize}")
	}
	if len(p.provisions.files) > 0 && !p.delivery().OnVolume() {
		return bad("Copy", errors.New("files are copied from the OEMDRV volume, and there is none"), "use {Deliver} both")
	}
	return nil
}

// maxCA is more than the certificates of all authorities that browsers trust.
const maxCA = 1 << 20

// readReach reads how servers are reached.
func (p *Plan) readReach(ctx context.Context) (err error) {
	s := &p.Spec
	if s.Proxy != "" {
		if err := render.CheckProxy(s.Proxy); err != nil {
			return bad("", err, "")
		}
	}
	if s.CA == "" {
		return nil
	}
	text, err := smallfile.ReadAgain(ctx, s.CA, maxCA)
	if err != nil {
		return bad("CA", err, "give a PEM file of certificates")
	}
	if err := render.CheckCA(text); err != nil {
		return bad("", err, "give a PEM file of certificates")
	}
	p.provisions.ca = text
	p.provisions.inputs = []assemble.Input{{Role: "ca", Name: filepath.Base(s.CA), Size: int64(len(text)), SHA256: digest.Bytes(text)}}
	return nil
}

// added are the scripts behind a kickstart of the user's own.
func (p *Plan) added() ([]render.Script, error) {
	reach, err := render.Reach(p.Spec.Proxy, p.provisions.ca)
	return append(reach, p.provisions.scripts...), err
}

// proxySecret is what to know of an image that has a proxy's password.
func (p *Plan) proxySecret() []assemble.Caution {
	if u, err := url.Parse(p.Spec.Proxy); err != nil || u.User == nil {
		return nil
	}
	return []assemble.Caution{{
		Text:    "the image has the proxy's user and password, in /etc/dnf/dnf.conf, which every user of it can read",
		Do:      "give a {Proxy} without them, or take them out of the file with a last {Post}",
		Lasting: true,
	}}
}

// copied adds a file, or a folder with all that is in it. The volume has what is
// hashed here, or is not made. A folder's hash is that of its list: a line each of
// mode, path, and target or hash.
func (p *Plan) copied(ctx context.Context, v Provision, at string, in assemble.Input) error {
	c := render.Copied{From: at, Name: in.Name, To: v.To}
	if abs, err := filepath.Abs(v.Copy); err == nil {
		c.Name, in.Name = filepath.Base(abs), filepath.Base(abs) // of "."
	}
	list := sha256.New()
	if _, err := os.Stat(v.Copy); err != nil {
		return err
	}
	root, err := filepath.EvalSymlinks(v.Copy)
	if err != nil {
		return err
	}
	err = filepath.WalkDir(root, func(name string, _ fs.DirEntry, err error) error {
		if err == nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		info, err := os.Lstat(name)
		if err != nil {
			return err
		}
		f := tree.File{Path: path.Join(at, rel), Mode: info.Mode()}
		if p.Host.OS == "windows" { // whose files have no such bits
			f.Mode = info.Mode().Type()
		}
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(name)
			if err != nil {
				return err
			}
			if strings.ContainsAny(rel+target, "\n\r\x00") {
				return fmt.Errorf("%q is a link with a line end", rel)
			}
			c.Links = append(c.Links, [2]string{rel, target})
			fmt.Fprintf(list, "link %q %q\n", rel, target)
			return nil
		case info.IsDir():
			c.Folder = true
			fmt.Fprintf(list, "%o %q\n", f.Mode.Perm(), rel)
		case info.Mode().IsRegular():
			if in.SHA256, f.SizeBytes, err = digest.File(ctx, name); err != nil {
				return err
			}
			f.Open = unchanged(name, f.SizeBytes, in.SHA256)
			in.Size += f.SizeBytes
			fmt.Fprintf(list, "%o %q %s\n", f.Mode.Perm(), rel, in.SHA256)
		default:
			return fmt.Errorf("%s is neither a file nor a folder", name)
		}
		f.Mode &= fs.ModeDir | fs.ModePerm
		p.provisions.files = append(p.provisions.files, f)
		return nil
	})
	if err != nil {
		return err
	}
	if c.Folder {
		in.SHA256 = hex.EncodeToString(list.Sum(nil))
	}
	s, err := c.Script()
	if err != nil {
		return err
	}
	p.provisions.scripts = append(p.provisions.scripts, s)
	p.provisions.inputs, p.provisions.order = append(p.provisions.inputs, in), append(p.provisions.order, in.Role+" to "+v.To)
	p.provisions.bytes += in.Size
	return nil
}

// unchanged opens a file that must still have a size and a SHA-256 when it is read.
func unchanged(name string, bytes int64, sum string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) {
		f, err := smallfile.Open(name)
		if err != nil {
			return nil, err
		}
		return &checkedFile{f, sha256.New(), bytes, sum}, nil
	}
}

type checkedFile struct {
	file *os.File
	hash hash.Hash
	left int64
	want string
}

func (f *checkedFile) Close() error { return f.file.Close() }

func (f *checkedFile) Read(b []byte) (int, error) {
	n, err := f.file.Read(b)
	f.hash.Write(b[:n])
	if f.left -= int64(n); n > 0 && f.left == 0 && hex.EncodeToString(f.hash.Sum(nil)) != f.want {
		return n, fmt.Errorf("%s was changed after the build had begun", f.file.Name())
	}
	return n, err
}

// volume lists the files of the OEMDRV volume.
func (p *Plan) volume() []tree.File {
	return append([]tree.File{tree.Bytes(iso.KickstartName, p.Kickstart.Guest)}, p.provisions.files...)
}

// asked is all that decides what is installed, for the seed: the kickstart, and what
// provisions put on the volume.
func (p *Plan) asked() []byte {
	text := slices.Clone(p.Kickstart.Asked)
	for _, in := range p.provisions.inputs {
		if strings.HasPrefix(in.Role, "copy-") {
			text = append(text, in.SHA256...)
		}
	}
	return text
}
