// What the first blocks of a volume say of its file system.

package main

import (
	"encoding/hex"
	"fmt"
	"strings"
)

// superblock tells file system, label and UUID from the first 36 KiB of a
// device; all are empty if none of iso9660, vfat, xfs and ext4 is there.
func superblock(head []byte) (fs, label, uuid string) {
	text := func(from, to int) string { return strings.TrimRight(string(head[from:to]), " \x00") }
	if len(head) >= 0x8000+2048 && head[0x8000] == 1 && string(head[0x8001:0x8006]) == "CD001" {
		return "iso9660", text(0x8028, 0x8048), ""
	}
	if len(head) >= 512 && string(head[:4]) == "XFSB" {
		return "xfs", text(108, 120), uuidHex(head[32:48])
	}
	if len(head) >= 2048 && head[0x438] == 0x53 && head[0x439] == 0xef {
		return "ext4", text(0x478, 0x488), uuidHex(head[0x468:0x478])
	}
	if len(head) >= 512 && head[510] == 0x55 && head[511] == 0xaa {
		at := 0
		switch {
		case string(head[0x52:0x57]) == "FAT32":
			at = 0x43
		case string(head[0x36:0x39]) == "FAT":
			at = 0x27
		default:
			return "", "", ""
		}
		id := head[at : at+4]
		label = text(at+4, at+15)
		if label == "NO NAME" {
			label = ""
		}
		return "vfat", label, fmt.Sprintf("%02X%02X-%02X%02X", id[3], id[2], id[1], id[0])
	}
	return "", "", ""
}

func uuidHex(b []byte) string {
	h := hex.EncodeToString(b)
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}
