package kickstart

// wordValues are the values of words.
func wordValues(words []Word) []string {
	all := make([]string, len(words))
	for i, w := range words {
		all[i] = w.Value
	}
	return all
}
