package main

var (
	heapTypes = []string{"alloc_objects/count", "alloc_space/bytes", "inuse_objects/count", "inuse_space/bytes"}
	service   = "/opt/service/bin/service"
)

// A file is one crafted profile: bytes before compression, unless raw.
type file struct {
	name string
	data []byte
	raw  bool
}

// service3 is a heap of three functions under main, as the Go runtime writes it: a sample for each size
// of object, with the size as a label.
func service3(p *profile, scale int64) *profile {
	p.symbolizedMapping(1, 0x400000, 0x800000, service, "f00dfeed")
	for i, name := range []string{"main.main", "main.serve", "main.cache", "bytes.growSlice"} {
		p.simple(uint64(i+1), name, int64(11+i))
	}
	bytes := func(n int64) label { return label{key: "bytes", number: n} }
	p.sample(ids(4, 2, 1), values(900*scale, 900*scale*1024, 100*scale, 100*scale*1024), bytes(1024))
	p.sample(ids(4, 2, 1), values(50*scale, 50*scale*4096, 10*scale, 10*scale*4096), bytes(4096))
	p.sample(ids(3, 2, 1), values(70, 70*512, 70, 70*512), bytes(512))
	p.sample(ids(2, 1), values(5, 5*64, 0, 0), bytes(64))
	return p
}

func heap(seconds int64) *profile {
	return newProfile(heapTypes...).at(seconds, "space/bytes", 524288)
}

// pair is a case of two profiles.
func pair(name string, before, after *profile) []file {
	return []file{{name: name + "/before.pb.gz", data: before.encode()}, {name: name + "/after.pb.gz", data: after.encode()}}
}

func one(name string, p *profile) []file { return []file{{name: name, data: p.encode()}} }

func goodCases() (all []file) {
	add := func(f []file) { all = append(all, f...) }

	plain := service3(heap(0), 1)
	add([]file{{name: "uncompressed.pb", data: plain.encode(), raw: true}})
	half := len(plain.encode()) / 2
	members := append(compress(plain.encode()[:half]), compress(plain.encode()[half:])...)
	add([]file{{name: "two-members.pb.gz", data: members, raw: true}})

	p := heap(0)
	p.unpacked = true
	add(one("unpacked.pb.gz", service3(p, 1)))

	p = heap(0)
	p.unknown = true
	add(one("unknown-fields.pb.gz", service3(p, 1)))

	p = service3(heap(0), 1)
	p.rows.tag(905, 3)
	p.rows.uint(1, 5)
	p.rows.tag(905, 4)
	add(one("unknown-group.pb.gz", p))

	p = heap(0)
	p.tableTop = true
	add(one("string-table-first.pb.gz", service3(p, 1)))

	add(one("sparse-ids.pb.gz", sparse()))
	add(one("inline-columns.pb.gz", columns()))
	add(one("numeric-labels.pb.gz", numericLabels()))
	add(one("string-labels.pb.gz", stringLabels(1)))
	add(pair("labels", stringLabels(1), stringLabels(3)))
	add(one("duplicate-label-keys.pb.gz", duplicateKeys()))
	add(one("no-symbols.pb.gz", noSymbols(0, 0, 1)))
	add(pair("no-symbols", noSymbols(0, 0, 1), noSymbols(60, 0x1000, 3)))
	add(one("no-mapping.pb.gz", noMapping()))
	add(one("empty-stack.pb.gz", emptyStack()))
	add(one("drop-frames.pb.gz", dropFrames()))
	add(one("names.pb.gz", names()))
	add(one("not-utf8.pb.gz", notUTF8()))
	add(one("default-type-unknown.pb.gz", defaultType("alloc_spade")))
	add(one("default-type.pb.gz", defaultType("alloc_space")))
	add(one("repeated-stacks.pb.gz", repeated()))
	add(one("large-values.pb.gz", large()))
	add(one("same-name.pb.gz", sameName()))

	add(pair("scaled", service3(heap(0), 1), service3(heap(60), 3)))
	add(pair("recursion", recursion(0, 1), recursion(60, 4)))
	add(pair("jax", jax(1), jax(2)))
	add(pair("jemalloc", jemalloc(1), jemalloc(2)))
	add(pair("node", node(0, 1), node(30, 2)))
	add(pair("java", java(0, 1), java(30, 2)))
	add(pair("dotnet", dotnet(0, 1), dotnet(30, 2)))
	add(pair("mangled", mangled(0, 1), mangled(30, 2)))
	add(pair("units", units(0, "kilobytes", 1), units(30, "bytes", 1024)))
	add(pair("types-differ", service3(heap(0), 1), fewerTypes()))
	add(pair("periods-differ", service3(heap(0), 1), service3(newProfile(heapTypes...).at(60, "space/bytes", 4096), 2)))
	add(pair("no-time", service3(newProfile(heapTypes...), 1), service3(newProfile(heapTypes...), 2)))
	add(pair("builds", build("a1", 0, 0x400000, 3), build("b2", 60, 0x500000, 5)))
	return all
}

// sparse has ids that are neither dense nor ordered, and reach to the top of 64 bits.
func sparse() *profile {
	p := heap(0)
	p.symbolizedMapping(1<<63+5, 0x400000, 0x800000, service, "f00dfeed")
	p.sample(ids(1<<63+5, 7, 1<<40), values(1, 100, 1, 100))
	p.sample(ids(3, 1<<40), values(2, 200, 2, 200))
	p.location(1<<63+5, 1<<63+5, 0x401000, line{function: 9, line: 3})
	p.location(7, 1<<63+5, 0x402000, line{function: 1<<63 + 5, line: 4})
	p.location(3, 1<<63+5, 0x403000, line{function: 1 << 33, line: 5})
	p.location(1<<40, 1<<63+5, 0x404000, line{function: 2, line: 6})
	p.function(1<<63+5, "main.far", "main.far", "main.go", 1)
	p.function(9, "main.leaf", "main.leaf", "main.go", 2)
	p.function(2, "main.main", "main.main", "main.go", 3)
	p.function(1<<33, "main.middle", "main.middle", "main.go", 4)
	return p
}

// columns has locations with several inlined frames, told apart by line and column.
func columns() *profile {
	p := heap(0)
	p.symbolizedMapping(1, 0x400000, 0x800000, service, "f00dfeed")
	for i, name := range []string{"inner", "middle", "outer", "main"} {
		p.function(uint64(i+1), name, name, name+".c", 1)
	}
	p.location(1, 1, 0x401000, line{1, 5, 3}, line{2, 9, 17}, line{3, 30, 1})
	p.location(2, 1, 0x401010, line{1, 5, 40}, line{2, 9, 17}, line{3, 30, 1})
	p.location(3, 1, 0x401020, line{2, 9, 2}, line{3, 31, 8})
	p.location(4, 1, 0x401030, line{4, 2, 6})
	p.sample(ids(1, 4), values(4, 400, 1, 100))
	p.sample(ids(2, 4), values(8, 800, 2, 200))
	p.sample(ids(3, 4), values(16, 1600, 4, 400))
	return p
}

func numericLabels() *profile {
	p := heap(0)
	p.symbolizedMapping(1, 0x400000, 0x800000, service, "f00dfeed")
	p.simple(1, "main.main", 1)
	p.simple(2, "main.read", 2)
	for i, l := range [][]label{
		{{key: "bytes", number: 512, unit: "bytes"}},
		{{key: "bytes", number: 2048, unit: "bytes"}},
		{{key: "bytes", number: 4, unit: "kilobytes"}},
		{{key: "bytes", number: 8192}},
		{{key: "request", number: 3, unit: "megabytes"}},
		{{key: "latency", number: 250, unit: "milliseconds"}},
		{{key: "latency", number: 2, unit: "seconds"}},
		{{key: "generation", number: 2}},
		{{key: "zero", unit: "bytes"}},
		{{key: "dropped"}},
		{{key: "bytes", number: -64, unit: "bytes"}},
		{{key: "bytes", number: 100, unit: "bytes"}, {key: "bytes", number: 200, unit: "bytes"}},
	} {
		n := int64(1) << i
		p.sample(ids(2, 1), values(n, n*10, n, n*10), l...)
	}
	return p
}

func stringLabels(scale int64) *profile {
	p := heap(scale * 60)
	p.symbolizedMapping(1, 0x400000, 0x800000, service, "f00dfeed")
	p.simple(1, "main.main", 1)
	p.simple(2, "main.upload", 2)
	p.simple(3, "main.download", 3)
	tenant := func(name string) label { return label{key: "tenant", text: name} }
	endpoint := func(name string) label { return label{key: "endpoint", text: name} }
	bytes := label{key: "bytes", number: 1024}
	p.sample(ids(2, 1), values(10, 10240, 3*scale, 3072*scale), tenant("acme"), endpoint("/upload"), bytes)
	p.sample(ids(2, 1), values(20, 20480, 5, 5120), tenant("zenith"), endpoint("/upload"), bytes)
	p.sample(ids(3, 1), values(30, 30720, 7*scale, 7168*scale), tenant("acme"), endpoint("/download"), bytes)
	p.sample(ids(3, 1), values(40, 40960, 9, 9216), bytes)
	return p
}

func duplicateKeys() *profile {
	p := heap(0)
	p.symbolizedMapping(1, 0x400000, 0x800000, service, "f00dfeed")
	p.simple(1, "main.main", 1)
	key := func(v string) label { return label{key: "role", text: v} }
	p.sample(ids(1), values(1, 100, 1, 100), key("reader"), key("writer"))
	p.sample(ids(1), values(2, 200, 2, 200), key("writer"), key("reader"))
	p.sample(ids(1), values(4, 400, 4, 400), key("reader"), key("reader"))
	p.sample(ids(1), values(8, 800, 8, 800), key("reader"))
	p.sample(ids(1), values(16, 1600, 16, 1600), key("reader"), label{key: "role", number: 5, unit: "count"})
	return p
}

// noSymbols has addresses in two binaries, which another process maps elsewhere.
func noSymbols(seconds int64, slide uint64, scale int64) *profile {
	p := heap(seconds)
	p.mapping(1, 0x400000, 0x500000, 0, service, "f00dfeed")
	p.mapping(2, 0x7f0000000000+slide, 0x7f0000200000+slide, 0x1000, "/usr/lib/libcodec.so.6", "c0dec")
	p.location(1, 1, 0x401000)
	p.location(2, 1, 0x402000)
	p.location(3, 2, 0x7f0000001000+slide)
	p.location(4, 2, 0x7f0000002000+slide)
	p.sample(ids(3, 2, 1), values(8, 800, 4*scale, 400*scale))
	p.sample(ids(4, 2, 1), values(16, 1600, 8, 800))
	p.sample(ids(2, 1), values(2, 200, scale, 100*scale))
	return p
}

func noMapping() *profile {
	p := heap(0)
	p.function(1, "main", "main", "main.js", 1)
	p.function(2, "handler", "handler", "", 0)
	p.function(3, "", "", "", 0)
	p.location(1, 0, 0, line{function: 1, line: 4})
	p.location(2, 0, 0, line{function: 2})
	p.location(3, 0, 0x1234)
	p.location(4, 0, 0)
	p.location(5, 0, 0, line{function: 3, line: 1})
	p.sample(ids(2, 1), values(1, 100, 1, 100))
	p.sample(ids(3, 1), values(2, 200, 2, 200))
	p.sample(ids(4, 1), values(4, 400, 4, 400))
	p.sample(ids(5, 1), values(8, 800, 8, 800))
	return p
}

func emptyStack() *profile {
	p := service3(heap(0), 1)
	p.sample(nil, values(1, 4096, 1, 4096))
	return p
}

func dropFrames() *profile {
	p := heap(0)
	p.symbolizedMapping(1, 0x400000, 0x800000, service, "f00dfeed")
	for i, name := range []string{"main.main", "main.parse", "xmalloc", "malloc_hook", "malloc_kept", "start"} {
		p.simple(uint64(i+1), name, int64(i+1))
	}
	p.rows.uint(profileDropFrames, p.text("x?malloc.*|start"))
	p.rows.uint(profileKeepFrames, p.text("malloc_kept"))
	p.sample(ids(4, 3, 2, 1), values(1, 100, 1, 100))
	p.sample(ids(5, 3, 2, 1), values(2, 200, 2, 200))
	p.sample(ids(3, 2, 1, 6), values(4, 400, 4, 400))
	p.sample(ids(2, 3, 1), values(8, 800, 8, 800))
	p.sample(ids(3, 6), values(16, 1600, 16, 1600))
	return p
}

// names are those that printing and regular expressions trip over.
func names() *profile {
	p := heap(0)
	p.symbolizedMapping(1, 0x400000, 0x800000, service, "f00dfeed")
	for i, name := range []string{
		"main.main",
		"main.(*T).Method-fm",
		"main.Map[...]",
		"main.(*Tree[go.shape.int,go.shape.string]).Insert",
		"main.glob..func1.2",
		"main.init.0",
		"github.com/some-one/pro.ject/v2/pkg%2ename.Do",
		"function with spaces (and parentheses)",
		"Wörter.größer",
		"日本語.関数",
		"std::vector<int, std::allocator<int>>::push_back(int const&)",
		"operator<<(std::ostream&, char const*)",
		"com.example.Service$Inner.<init>",
		"<anonymous>",
		"main.Apply[go.shape.func(int) string]",
		"a\tb",
		"-12",
		"(inline)",
	} {
		id := uint64(i + 1)
		p.simple(id, name, int64(i+1))
		p.sample(ids(id), values(1<<i, 100<<i, 1<<i, 100<<i))
	}
	return p
}

func notUTF8() *profile {
	p := heap(0)
	p.symbolizedMapping(1, 0x400000, 0x800000, service, "f00dfeed")
	p.simple(1, "latin1.gr\xf6\xdfer", 1)
	p.simple(2, "main.main", 2)
	p.sample(ids(1, 2), values(1, 100, 1, 100))
	return p
}

func defaultType(name string) *profile {
	p := service3(heap(0), 1)
	p.rows.uint(profileDefaultType, p.text(name))
	p.rows.repeated(profileComment, true, []uint64{p.text("first comment"), p.text("second comment")})
	return p
}

// repeated has equal stacks in several samples and locations, all-zero samples and negative ones.
func repeated() *profile {
	p := service3(heap(0), 1)
	p.location(12, 1, 0x400000+0x100*2, line{function: 2, line: 12})
	p.sample(ids(4, 2, 1), values(1, 1024, 1, 1024), label{key: "bytes", number: 1024})
	p.sample(ids(4, 12, 1), values(2, 2048, 2, 2048), label{key: "bytes", number: 1024})
	p.sample(ids(4, 12, 1), values(0, 0, 0, 0))
	p.sample(ids(3, 1), values(0, 0, -3, -3000))
	return p
}

// large has values that a 32-bit number does not hold, and that a float still does.
func large() *profile {
	p := heap(0)
	p.symbolizedMapping(1, 0x400000, 0x800000, service, "f00dfeed")
	p.simple(1, "main.main", 1)
	p.simple(2, "main.huge", 2)
	p.sample(ids(2, 1), values(1<<34, 1<<50, 1<<33, 1<<49))
	p.sample(ids(1), values(1<<34, 1<<50, 3, 1<<40+1))
	return p
}

// sameName has functions that differ only in file, start line or binary.
func sameName() *profile {
	p := heap(0)
	p.symbolizedMapping(1, 0x400000, 0x800000, service, "f00dfeed")
	p.symbolizedMapping(2, 0x7f0000000000, 0x7f0000200000, "/usr/lib/libplugin.so", "b16b00")
	p.function(1, "init", "init", "a.go", 10)
	p.function(2, "init", "init", "a.go", 20)
	p.function(3, "init", "init", "b.go", 10)
	p.function(4, "main", "main", "a.go", 1)
	p.location(1, 1, 0x401000, line{function: 1, line: 11})
	p.location(2, 1, 0x402000, line{function: 2, line: 21})
	p.location(3, 2, 0x7f0000001000, line{function: 3, line: 11})
	p.location(4, 1, 0x404000, line{function: 4, line: 2})
	p.sample(ids(1, 4), values(1, 100, 1, 100))
	p.sample(ids(2, 1, 4), values(2, 200, 2, 200))
	p.sample(ids(3, 2, 1, 4), values(4, 400, 4, 400))
	return p
}

func recursion(seconds, scale int64) *profile {
	p := heap(seconds)
	p.symbolizedMapping(1, 0x400000, 0x800000, service, "f00dfeed")
	p.simple(1, "main.main", 1)
	p.simple(2, "main.walk", 2)
	p.simple(3, "main.visit", 3)
	p.location(4, 1, 0x400999, line{function: 2, line: 9}, line{function: 3, line: 8}, line{function: 2, line: 7})
	p.sample(ids(2, 2, 2, 1), values(1, 100, scale, 100*scale))
	p.sample(ids(3, 2, 3, 2, 1), values(2, 200, 2*scale, 200*scale))
	p.sample(ids(4, 4, 1), values(4, 400, 4, 400))
	return p
}

// jax is what jax.profiler.save_device_memory_profile writes: no period, no time, labels for the device.
func jax(scale int64) *profile {
	p := newProfile("allocations/count", "space/bytes")
	p.function(1, "__call__", "__call__", "jax/_src/pjit.py", 0)
	p.function(2, "train_step", "train_step", "train.py", 0)
	p.location(1, 0, 0, line{function: 1, line: 188})
	p.location(2, 0, 0, line{function: 2, line: 40})
	device := label{key: "device", text: "TPU_0"}
	p.sample(ids(1, 2), values(3*scale, 4096*scale), label{key: "kind", text: "buffer"}, device)
	p.sample(ids(2), values(1, 512), label{key: "kind", text: "executable"}, device)
	return p
}

// jemalloc is what converters make of a jemalloc profile: one sample type, no period.
func jemalloc(scale int64) *profile {
	p := newProfile("inuse_space/bytes")
	p.mapping(1, 0x55d000000000, 0x55d000900000, 0, "/usr/local/bin/server", "")
	p.function(1, "alloc::raw_vec::finish_grow", "_ZN5alloc7raw_vec11finish_grow17h0123456789abcdefE", "raw_vec.rs", 0)
	p.function(2, "server::cache::Cache::insert", "_RNvMNtCs1234_6server5cacheNtB2_5Cache6insert", "cache.rs", 0)
	p.location(1, 1, 0x55d000001000, line{function: 1, line: 400})
	p.location(2, 1, 0x55d000002000, line{function: 2, line: 33})
	p.sample(ids(1, 2), values(524288*scale))
	p.sample(ids(2), values(4096))
	return p
}

func node(seconds, scale int64) *profile {
	p := newProfile("objects/count", "space/bytes").at(seconds, "space/bytes", 524288)
	p.function(1, "(anonymous)", "", "file:///app/server.js", 0)
	p.function(2, "onRequest", "", "file:///app/server.js", 0)
	p.function(3, "(root)", "", "", 0)
	p.location(1, 0, 0, line{function: 1, line: 12})
	p.location(2, 0, 0, line{function: 2, line: 40})
	p.location(3, 0, 0, line{function: 3})
	p.sample(ids(1, 2, 3), values(100*scale, 6400*scale))
	p.sample(ids(2, 3), values(7, 7168))
	return p
}

// java has the types in use before the allocated ones.
func java(seconds, scale int64) *profile {
	p := newProfile("inuse_objects/count", "inuse_space/bytes", "alloc_objects/count", "alloc_space/bytes").at(seconds, "space/bytes", 524288)
	p.function(1, "java.util.Arrays.copyOf", "", "Arrays.java", 0)
	p.function(2, "com.example.Cache.put", "", "Cache.java", 0)
	p.location(1, 0, 0, line{function: 1, line: 3537})
	p.location(2, 0, 0, line{function: 2, line: 21})
	p.sample(ids(1, 2), values(10*scale, 10240*scale, 100*scale, 102400*scale))
	p.sample(ids(2), values(1, 48, 5, 240))
	return p
}

func dotnet(seconds, scale int64) *profile {
	p := newProfile("cpu/nanoseconds", "alloc-samples/count", "alloc-size/bytes", "inuse_objects/count", "inuse_space/bytes").at(seconds, "cpu/nanoseconds", 10000000)
	p.function(1, "MyApp!Cache.Add", "", `C:\src\Cache.cs`, 0)
	p.function(2, "MyApp!Program.Main", "", `C:\src\Program.cs`, 0)
	p.location(1, 0, 0, line{function: 1, line: 9})
	p.location(2, 0, 0, line{function: 2, line: 3})
	p.sample(ids(1, 2), values(0, 4*scale, 4000*scale, 2*scale, 2000*scale))
	p.sample(ids(2), values(20000000, 0, 0, 0, 0))
	return p
}

// mangled has names of C++ and Rust that nobody has demangled.
func mangled(seconds, scale int64) *profile {
	p := newProfile("inuse_objects/count", "inuse_space/bytes").at(seconds, "space/bytes", 524288)
	p.symbolizedMapping(1, 0x400000, 0x800000, service, "f00dfeed")
	for i, name := range []string{
		"_ZNSt6vectorIiSaIiEE9push_backERKi",
		"_ZN6server5Cache6insertERKSsi",
		"_ZN5alloc7raw_vec11finish_grow17h0123456789abcdefE",
		"_ZN68_$LT$alloc..vec..Vec$LT$T$GT$$u20$as$u20$core..clone..Clone$GT$5clone17hfedcba9876543210E",
		"_RNvMNtCskyZjLzGkvzV_6server5cacheNtB2_5Cache6insert",
		"_Znwm",
		"main",
	} {
		p.simple(uint64(i+1), name, int64(i+1))
	}
	p.function(20, "already::demangled", "_ZN7already9demangledEv", "service/service.go", 1)
	p.location(20, 1, 0x400999, line{function: 20, line: 1})
	p.sample(ids(6, 1, 2, 7), values(scale, 100*scale))
	p.sample(ids(6, 3, 4, 5, 7), values(2*scale, 200*scale))
	p.sample(ids(6, 20, 7), values(4, 400))
	return p
}

func units(seconds int64, unit string, factor int64) *profile {
	p := newProfile("inuse_objects/count", "inuse_space/"+unit).at(seconds, "space/bytes", 524288)
	p.symbolizedMapping(1, 0x400000, 0x800000, service, "f00dfeed")
	p.simple(1, "main.main", 1)
	p.simple(2, "main.grow", 2)
	p.sample(ids(2, 1), values(4, 400*factor))
	p.sample(ids(1), values(2+seconds, (20+seconds)*factor))
	return p
}

func fewerTypes() *profile {
	p := newProfile("inuse_space/bytes", "inuse_objects/count").at(60, "space/bytes", 524288)
	p.symbolizedMapping(1, 0x400000, 0x800000, service, "f00dfeed")
	p.simple(1, "main.main", 11)
	p.simple(2, "main.serve", 12)
	p.sample(ids(2, 1), values(8192, 8))
	return p
}

// build is the same program at other addresses, on other lines and with another build id.
func build(id string, seconds int64, base uint64, moved int64) *profile {
	p := heap(seconds)
	p.symbolizedMapping(1, base, base+0x100000, service, id)
	for i, name := range []string{"main.main", "main.serve", "main.cache"} {
		n := uint64(i + 1)
		p.function(n, name, name, "service/service.go", 10*int64(n)+moved)
		p.location(n, 1, base+0x100*n+uint64(moved), line{function: n, line: 10*int64(n) + moved + 2})
	}
	p.sample(ids(3, 2, 1), values(10*moved, 1000*moved, moved, 100*moved))
	p.sample(ids(2, 1), values(10, 1000, 5, 500))
	return p
}
