// Command imgasm assembles virtual machine images.
package main

func main() {}
