package main

import "strings"

// minimal is the smallest heap that is whole; each bad case breaks one thing in it.
func minimal() *profile {
	p := heap(0)
	p.symbolizedMapping(1, 0x400000, 0x800000, service, "f00dfeed")
	p.simple(1, "main.main", 1)
	return p
}

func whole() *profile {
	p := minimal()
	p.sample(ids(1), values(1, 100, 1, 100))
	return p
}

func badCases() (all []file) {
	add := func(name string, p *profile) {
		all = append(all, file{name: "bad/" + name + ".pb.gz", data: p.encode()})
	}
	raw := func(name string, data []byte) { all = append(all, file{name: "bad/" + name, data: data, raw: true}) }
	damaged := func(name string, damage func([]byte) []byte) {
		all = append(all, file{name: "bad/" + name + ".pb.gz", data: damage(whole().encode())})
	}

	p := whole()
	p.rows.row(profileFunction, func(m *message) { m.uint(1, 2); m.uint(2, 4000) })
	add("string-index-out-of-range", p)
	p = whole()
	p.rows.row(profileFunction, func(m *message) { m.uint(1, 2); m.uint(2, 1<<63) })
	add("string-index-negative", p)

	damaged("concatenated", func(b []byte) []byte { return append(b, b...) })
	raw("concatenated-gzip.pb.gz", append(compress(whole().encode()), compress(whole().encode())...))

	p = minimal()
	p.sample(ids(1), values(1, 100, 1))
	add("too-few-values", p)
	p = minimal()
	p.sample(ids(1), values(1, 100, 1, 100, 1))
	add("too-many-values", p)
	p = minimal()
	p.sample(ids(77), values(1, 100, 1, 100))
	add("unknown-location-id", p)
	p = minimal()
	p.sample(ids(0), values(1, 100, 1, 100))
	add("sample-of-location-0", p)
	p = whole()
	p.location(2, 1, 0x400200, line{function: 77, line: 1})
	p.sample(ids(2), values(1, 100, 1, 100))
	add("unknown-function-id", p)
	p = whole()
	p.location(2, 77, 0x400200, line{function: 1, line: 1})
	p.sample(ids(2), values(1, 100, 1, 100))
	add("unknown-mapping-id", p)

	p = whole()
	p.location(1, 1, 0x400900, line{function: 1, line: 9})
	add("duplicate-location-id", p)
	p = whole()
	p.function(1, "main.other", "main.other", "main.go", 1)
	add("duplicate-function-id", p)
	p = whole()
	p.mapping(1, 0x900000, 0xa00000, 0, "/other", "")
	add("duplicate-mapping-id", p)
	p = whole()
	p.location(0, 1, 0x400900, line{function: 1, line: 9})
	add("location-id-0", p)
	p = whole()
	p.function(0, "main.other", "main.other", "main.go", 1)
	add("function-id-0", p)
	p = whole()
	p.mapping(0, 0x900000, 0xa00000, 0, "/other", "")
	add("mapping-id-0", p)

	damaged("varint-too-long", func(b []byte) []byte {
		return append(append([]byte{profilePeriod << 3}, strings.Repeat("\xff", 10)...), append([]byte{1}, b...)...)
	})
	damaged("varint-cut-off", func(b []byte) []byte { return append(b, profilePeriod<<3, 0xff) })
	damaged("length-2-to-60", func(b []byte) []byte {
		m := message(b)
		m.tag(profileSample, 2)
		return append(m, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x10)
	})
	damaged("length-beyond-end", func(b []byte) []byte { return append(b, profileSample<<3|2, 40, 1, 2, 3) })
	damaged("length-beyond-message", func(b []byte) []byte {
		m := message(b)
		m.bytes(profileLocation, []byte{1 << 3, 9, 4<<3 | 2, 120})
		return m
	})
	damaged("wire-type-7", func(b []byte) []byte { return append(b, 20<<3&0x7f|7, 1) })
	damaged("field-number-0", func(b []byte) []byte { return append(b, 0, 1) })
	damaged("wrong-wire-type", func(b []byte) []byte {
		m := message(b)
		m.uint(profileSample, 5)
		return m
	})
	damaged("packed-cut-off", func(b []byte) []byte {
		m := message(b)
		m.bytes(profileSample, []byte{1<<3 | 2, 1, 1, 2<<3 | 2, 4, 1, 1, 1, 0xff})
		return m
	})

	p = whole()
	p.strings[0] = "not empty"
	add("string-table-0-not-empty", p)
	p = whole()
	p.strings = nil
	add("no-string-table", p)
	p = newProfile()
	p.symbolizedMapping(1, 0x400000, 0x800000, service, "f00dfeed")
	p.simple(1, "main.main", 1)
	p.sample(ids(1), nil)
	add("no-sample-types", p)
	p = heap(0)
	for range 1_000_000 {
		p.rows.bytes(profileSample, nil)
	}
	add("million-empty-samples", p)
	p = whole()
	p.rows.bytes(903, make([]byte, 9<<20))
	p.sample(ids(9), values(1, 100, 1, 100))
	add("gzip-bomb", p)

	zipped := compress(service3(heap(0), 1).encode())
	raw("truncated-gzip.pb.gz", zipped[:len(zipped)*2/3])
	raw("truncated-gzip-trailer.pb.gz", zipped[:len(zipped)-5])
	raw("truncated.pb", service3(heap(0), 1).encode()[:200])
	bad := append([]byte{}, zipped...)
	bad[len(bad)-8] ^= 0x55
	raw("gzip-crc.pb.gz", bad)
	bad = append([]byte{}, zipped...)
	bad[len(bad)-4] ^= 0x55
	raw("gzip-length.pb.gz", bad)
	raw("gzip-garbage-after.pb.gz", append(append([]byte{}, zipped...), "garbage"...))
	raw("gzip-header-only.pb.gz", zipped[:10])
	raw("gzip-of-gzip.pb.gz", compress(zipped))
	raw("gzip-of-nothing.pb.gz", compress(nil))
	raw("empty-file.pb.gz", nil)
	raw("zeros.pb", make([]byte, 64))
	raw("page.html", []byte("<!DOCTYPE html>\n<html><head><title>404 Not Found</title></head>\n<body>404 page not found</body></html>\n"))
	raw("text.txt", []byte("Could not enable CPU profiling: cpu profiling already in use\n"))
	raw("report.json", []byte("{\"schema\": \"another.tool/v1\", \"rows\": []}\n"))
	raw("go-text-heap.txt", []byte(goTextHeap))
	return all
}

// row writes a message that fill makes.
func (m *message) row(field int, fill func(*message)) {
	var inner message
	fill(&inner)
	m.bytes(field, inner)
}

const goTextHeap = `heap profile: 3: 12288 [5: 20480] @ heap/1048576
2: 8192 [4: 16384] @ 0x481c45 0x481e12 0x43a6d2 0x4651e1
#	0x481c44	main.keep+0x64	service/main.go:15
#	0x481e11	main.main+0x31	service/main.go:25
#	0x43a6d1	runtime.main+0x1b1	runtime/proc.go:283

1: 4096 [1: 4096] @ 0x481d45 0x481e22 0x43a6d2 0x4651e1
#	0x481d44	main.cache+0x44	service/cache.go:9
#	0x481e21	main.main+0x41	service/main.go:26
#	0x43a6d1	runtime.main+0x1b1	runtime/proc.go:283


# runtime.MemStats
# Alloc = 1234567
# NumGC = 7
`
