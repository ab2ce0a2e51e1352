package inspect_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/imgasm/imgasm/internal/golden"
)

// TestLogicalVolumes looks at what lvm2 and the mkfs tools made; internal/lvm has how.
func TestLogicalVolumes(t *testing.T) {
	image, err := golden.Unzstd("../../internal/lvm/testdata/lvm.img.zst")
	if err != nil {
		t.Fatal(err)
	}
	m, tree := smallTree(t, image)
	var got []string
	for _, v := range m.Volumes[2:] {
		got = append(got, fmt.Sprintf("%s on %d at %d: %s, %s", v.LV, v.Number, v.StartBytes>>20, v.Kind, v.Unread))
	}
	want := "al-ma/root on 1 at 2: ext4, \nal-ma/s_1 on 1 at 3: swap, \nal-ma/stripes on 0 at 0: , imgasm reads no logical volume that is striped"
	if strings.Join(got, "\n") != want || m.Volumes[0].Unread != "" {
		t.Errorf("%s, %q", strings.Join(got, "\n"), m.Volumes[0].Unread)
	}
	var numbers strings.Builder
	for i := range 4600 {
		fmt.Fprintf(&numbers, "%01023d\n", i+1)
	}
	if b, err := tree.ReadFile("numbers"); err != nil || string(b) != numbers.String() {
		t.Errorf("%d bytes, %v", len(b), err)
	}
	for _, e := range tree.Fstab {
		if e.Partition != 1 || e.Problem != "" {
			t.Errorf("%+v", e)
		}
	}
	if name := m.Look(tree).Name(); name != "LVM 1" {
		t.Errorf("the system is %q", name)
	}
}
