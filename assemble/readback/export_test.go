package readback

// The names by which differences tell who wrote and who read, for the tests.
const (
	FatWriter = fatWriter
	GoDiskfs  = goDiskfs
	IsoWriter = isoWriter
	Kdomanski = kdomanski
)
