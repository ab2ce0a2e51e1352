// This file adds the logical volumes of LVM that partitions hold.

package inspect

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/imgasm/imgasm/internal/lvm"
)

// logical puts the logical volumes behind the partitions. Damage is no error, but what
// is told.
func (m *Image) logical() error {
	var members []lvm.Member
	var places []int
	for i, v := range m.Volumes {
		if v.Kind == "LVM2_member" {
			members = append(members, lvm.Member{Reader: io.NewSectionReader(m.r, v.StartBytes, v.SizeBytes), Bytes: v.SizeBytes})
			places = append(places, i)
		}
	}
	all, errs := lvm.Read(members)
	for i, err := range errs {
		v := &m.Volumes[places[i]]
		switch v.Unread = ""; {
		case errors.Is(err, lvm.ErrDamaged) || errors.Is(err, io.EOF):
			v.Unread = err.Error()
		case err != nil:
			return fmt.Errorf("partition %d: %w", v.Number, err)
		}
	}
	for _, l := range all {
		v := Volume{LV: l.Group + "/" + l.Name, SizeBytes: l.Bytes, Unread: l.Unread}
		if l.Member >= 0 {
			on := m.Volumes[places[l.Member]]
			v.Number, v.StartBytes = on.Number, on.StartBytes+l.Start
		}
		if v.Unread == "" {
			if err := v.identify(io.NewSectionReader(&l, 0, l.Bytes)); err != nil {
				return fmt.Errorf("logical volume %s: %w", v.LV, err)
			}
		}
		m.Volumes = append(m.Volumes, v)
	}
	return nil
}

// isDevice reports whether a logical volume's device has the path: "/dev/group/name",
// or "/dev/mapper/group-name" with each dash of either twice.
func (v *Volume) isDevice(path string) bool {
	return v.LV != "" && (path == "/dev/"+v.LV || path == "/dev/mapper/"+strings.ReplaceAll(strings.ReplaceAll(v.LV, "-", "--"), "/", "-"))
}
