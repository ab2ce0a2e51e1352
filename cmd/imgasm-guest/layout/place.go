// Sizes and places of the partitions.

package layout

import (
	"fmt"
	"path"
	"sort"
)

// matches tells whether one of the names or globs of disks means name.
func matches(globs []string, name string) bool {
	for _, g := range globs {
		if ok, err := path.Match(path.Base(g), name); ok && err == nil {
			return true
		}
	}
	return false
}

// place shares out the disk, in whole MiB from 1 MiB on; the last MiB is the
// backup partition table's. What is to grow shares what is left evenly, up to
// its --maxsize.
func (p *Plan) place(requests []request) error {
	sort.SliceStable(requests, func(i, j int) bool { return rank(requests[i]) < rank(requests[j]) })
	free := p.Disk.SizeBytes/Align - 2
	for i := range requests {
		r := &requests[i]
		if r.grow && r.size == 0 {
			r.size = 1
		}
		r.size = max(r.size, leastMiB[r.fs])
		free -= r.size
	}
	if free < 0 {
		return &Error{Text: fmt.Sprintf("Unable to allocate requested partition scheme. (%d MiB more are needed on %s.)", -free, p.Disk.Name)}
	}
	grow(requests, free)
	at := int64(1)
	for _, r := range requests {
		p.Partitions = append(p.Partitions, Partition{
			Mount: r.mount, FS: r.fs, Label: r.label,
			StartBytes: at * Align, SizeBytes: r.size * Align,
		})
		at += r.size
	}
	return nil
}

// rank puts what firmware and boot loader read first, and what grows last.
func rank(r request) int {
	switch {
	case r.fs == BIOSBoot:
		return 0
	case r.fs == EFI:
		return 1
	case r.mount == "/boot":
		return 2
	case r.grow:
		return 4
	}
	return 3
}

func grow(requests []request, free int64) {
	var open []*request
	for i := range requests {
		if requests[i].grow {
			open = append(open, &requests[i])
		}
	}
	for len(open) > 0 && free > 0 {
		share := max(free/int64(len(open)), 1)
		var next []*request
		for _, r := range open {
			add := min(share, free)
			if r.max > 0 {
				add = max(min(add, r.max-r.size), 0)
			}
			r.size += add
			free -= add
			if r.max == 0 || r.size < r.max {
				next = append(next, r)
			}
		}
		open = next
	}
}
