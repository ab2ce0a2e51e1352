//go:build !unix

package qemu_test

const parentVar = "IMGASM_QEMU_TEST_PARENT"

func playParent(string) int { return 2 }
