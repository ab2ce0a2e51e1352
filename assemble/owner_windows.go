package assemble

import "io/fs"

// ownerOf is -1: an access list says who owns a file, and a new folder has its parent's.
func ownerOf(fs.FileInfo) int { return -1 }

func me() int { return -1 }
