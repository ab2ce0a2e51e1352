package machine

import (
	"context"
	"io/fs"

	"github.com/imgasm/imgasm/assemble/convert"
	"github.com/imgasm/imgasm/assemble/inspect"
)

// Reads is what the system in an image reads at its first boot.
type Reads struct {
	OS        string // its identifier, as os-release(5) has it: "debian"; "": not known
	CloudInit bool   // a NoCloud seed
}

// Reads looks at no more of the image than that takes: tens of milliseconds, where
// Look reads the database of packages too. The error is Look's, or ctx's cause.
func (i *Image) Reads(ctx context.Context) (Reads, error) {
	d, err := convert.Open(i.Path)
	if err != nil {
		return Reads{}, err
	}
	defer d.Close()
	m, err := inspect.Open(inspect.Until(ctx, d), d.Size())
	if err != nil {
		return Reads{}, err
	}
	t, err := m.SystemTree()
	if err != nil {
		return Reads{}, err
	}
	r := Reads{OS: m.Release(t)["ID"], CloudInit: hasCloudInit(t)}
	if ctx.Err() != nil {
		return Reads{}, context.Cause(ctx)
	}
	return r, nil
}

// hasCloudInit looks for what reads a seed.
func hasCloudInit(t fs.FS) bool {
	for _, pattern := range []string{"etc/cloud/cloud.cfg", "usr/bin/cloud-init", "nix/store/*-cloud-init-*"} {
		if found, _ := fs.Glob(t, pattern); len(found) > 0 {
			return true
		}
	}
	return false
}
