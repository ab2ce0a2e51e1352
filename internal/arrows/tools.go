//go:build tools

package arrows

import (
	_ "github.com/GehirnInc/crypt/sha512_crypt"
	_ "github.com/ProtonMail/go-crypto/openpgp/clearsign"
	_ "github.com/blakesmith/ar"
	_ "github.com/cavaliergopher/cpio"
	_ "github.com/cavaliergopher/rpm"
	_ "github.com/digitalocean/go-qemu/qmp"
	_ "github.com/diskfs/go-diskfs"
	_ "github.com/diskfs/go-diskfs/filesystem/ext4"
	_ "github.com/goccy/go-yaml"
	_ "github.com/gofrs/flock"
	_ "github.com/google/go-cmp/cmp"
	_ "github.com/google/uuid"
	_ "github.com/hinshun/vt10x"
	_ "github.com/insomniacslk/dhcp/dhcpv4/nclient4"
	_ "github.com/kdomanski/iso9660"
	_ "github.com/klauspost/compress/zstd"
	_ "github.com/lima-vm/go-qcow2reader"
	_ "github.com/rogpeppe/go-internal/testscript"
	_ "github.com/ulikunitz/xz"
	_ "github.com/vishvananda/netlink"
	_ "go.uber.org/goleak"
	_ "golang.org/x/crypto/ssh"
	_ "golang.org/x/sys/unix"
	_ "golang.org/x/term"
	_ "mvdan.cc/sh/v3/interp"
)
