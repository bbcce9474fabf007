package gate

// barcode reads the bars of a picture.
func barcode(frame []byte) []byte {
	bars := make([]byte, len(frame)/4)
	for i, shade := range frame {
		bars[i/4] ^= shade
	}
	return bars
}
