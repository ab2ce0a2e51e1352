// The newest index of packages of a suite: from a mirror, or as it was kept.

package debian

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"time"

	"github.com/imgasm/imgasm/internal/digest"
	"github.com/imgasm/imgasm/internal/fetch"
	"github.com/imgasm/imgasm/internal/publish"
	"github.com/imgasm/imgasm/internal/smallfile"
	"github.com/imgasm/imgasm/internal/unpack"
)

// open brings a suite's index of packages and returns its path.
func (a *Archive) open(ctx context.Context, s *suite) (index string, err error) {
	kept := filepath.Join(a.o.Dir, s.name+"-"+a.o.Arch+".InRelease")
	seen, err := a.seen(kept, s.name)
	if err != nil {
		return "", err
	}
	if a.o.Offline {
		if seen != nil {
			if index, _, _ := a.index(s, seen); index != "" && a.whole(ctx, index, seen.files[a.indexName(seen)]) {
				return index, nil
			}
		}
		return "", a.offline(s.name+"'s index of packages", s.mirrors)
	}
	failed := &fetch.Attempts{What: s.name + "'s index of packages"}
	for i, m := range s.mirrors {
		address := m + "/dists/" + s.name + "/InRelease"
		index, data, err := a.ask(ctx, s, m, address, seen)
		if ctx.Err() != nil {
			return "", context.Cause(ctx)
		}
		if err != nil {
			failed.Add(address, err)
			continue
		}
		if len(data) > 0 {
			if err := publish.Bytes(kept, data); err != nil {
				return "", err
			}
		}
		s.mirrors = append([]string{m}, append(s.mirrors[:i:i], s.mirrors[i+1:]...)...)
		a.removeOthers(s, index)
		return index, nil
	}
	return "", notFetched(failed)
}

// seen is the InRelease file that was accepted the last time, or nil. A damaged
// one counts as none.
func (a *Archive) seen(kept, suite string) (*release, error) {
	data, err := os.ReadFile(kept)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	r, err := readRelease(data, suite, a.o.Keys, a.o.Now())
	if err != nil {
		a.o.Note(fmt.Sprintf("%s in the cache is not used: it %v", kept, err))
		return nil, nil
	}
	return r, nil
}

// ask brings one mirror's InRelease file, and the index that it names if that
// is not here yet. It returns nil for data if the one that was seen is newer.
func (a *Archive) ask(ctx context.Context, s *suite, mirror, address string, seen *release) (index string, data []byte, err error) {
	data, err = a.o.Client.Bytes(ctx, address, maxRelease)
	if err != nil {
		return "", nil, err
	}
	r, err := readRelease(data, s.name, a.o.Keys, a.o.Now())
	if err != nil {
		return "", nil, err
	}
	// Whoever replays an old suite with its right signature would keep us from
	// what was mended since; mirrors that lag behind look the same.
	if seen != nil && r.date.Before(seen.date) {
		a.o.Note(fmt.Sprintf("%s is of %s; the one of %s that was here before is used", address, r.date.Format(time.DateTime), seen.date.Format(time.DateTime)))
		r, data = seen, nil
	}
	if err := r.current(a.o.Now()); err != nil {
		return "", nil, err
	}
	index, paths, err := a.index(s, r)
	if err != nil {
		return "", nil, err
	}
	want := r.files[a.indexName(r)]
	if a.whole(ctx, index, want) {
		return index, data, nil
	}
	for _, p := range paths {
		err = a.file(ctx, mirror+"/dists/"+s.name+"/"+p, index, s.name+"'s index of packages", want)
		if status := (*fetch.StatusError)(nil); !errors.As(err, &status) || !status.Missing() {
			break // else the next path is another name of the same file
		}
	}
	return index, data, err
}

// indexName is the path, below the suite's folder, of the index that is used.
func (a *Archive) indexName(r *release) string {
	name := "main/binary-" + a.o.Arch + "/Packages"
	for _, ending := range []string{".xz", ".gz"} {
		if _, found := r.files[name+ending]; found {
			return name + ending
		}
	}
	return ""
}

// maxIndex is more than a compressed index has; bookworm's has 9 MB, and 50 MB
// unpacked.
const maxIndex = 64 << 20

// index is where a suite's index is kept, and the paths below the suite's
// folder at which a mirror has it.
func (a *Archive) index(s *suite, r *release) (kept string, paths []string, err error) {
	name := a.indexName(r)
	want := r.files[name]
	if name == "" || want.size > maxIndex {
		return "", nil, fmt.Errorf("%s has no index of packages for %s that can be read", s.name, a.o.Arch)
	}
	if r.byHash {
		paths = append(paths, path.Dir(name)+"/by-hash/SHA256/"+want.sha256)
	}
	kept = filepath.Join(a.o.Dir, s.name+"-"+a.o.Arch+"-"+want.sha256[:16]+"-"+path.Base(name))
	return kept, append(paths, name), nil
}

// removeOthers removes a suite's indexes that are no longer the newest.
func (a *Archive) removeOthers(s *suite, index string) {
	all, _ := filepath.Glob(filepath.Join(a.o.Dir, s.name+"-"+a.o.Arch+"-*-Packages.*")) // the pattern is right
	for _, name := range all {
		if name != index {
			os.Remove(name)
		}
	}
}

// whole tells whether a file is here and what it should be.
func (a *Archive) whole(ctx context.Context, file string, want hash) bool {
	sum, size, err := digest.File(ctx, file)
	return err == nil && size == want.size && sum == want.sha256
}

// readIndex calls take for every package of an index that was verified.
func readIndex(index string, take func(pkg)) error {
	f, err := smallfile.Open(index)
	if err != nil {
		return err
	}
	defer f.Close()
	plain, err := unpack.Reader(f)
	if err != nil {
		return err
	}
	defer plain.Close()
	return readPackages(io.LimitReader(plain, 16*maxIndex), take)
}
