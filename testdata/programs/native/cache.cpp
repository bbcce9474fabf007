// Holds memory in four ways, for a heap profiler to see: through inlined functions, through the standard library, with
// new[] and with calloc. Nothing is freed, so that a profile at the end has all of it.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#define ALWAYS_INLINE __attribute__((always_inline)) inline
#define NEVER_INLINE __attribute__((noinline))

namespace cache {

struct Entry {
    std::string key;
    char *block;
};

class Store {
public:
    ALWAYS_INLINE void put(int i) {
        entries.push_back(Entry{std::string(4000, 'k'), copy(i)});
    }
    size_t size() const { return entries.size(); }

private:
    static ALWAYS_INLINE char *copy(int i) {
        char *block = static_cast<char *>(malloc(64 * 1024));
        memset(block, i, 64 * 1024);
        return block;
    }
    std::vector<Entry> entries;
};

NEVER_INLINE void fill(Store &store, int n) {
    for (int i = 0; i < n; i++) {
        store.put(i);
    }
}

}  // namespace cache

static NEVER_INLINE char *buffer(size_t bytes) {
    char *made = new char[bytes];
    memset(made, 1, bytes);
    return made;
}

extern "C" NEVER_INLINE void *session_open(size_t bytes) {
    void *opened = calloc(1, bytes);
    if (opened == nullptr) {
        abort();
    }
    return opened;
}

int main(int argc, char **argv) {
    int n = argc > 1 ? atoi(argv[1]) : 100;
    cache::Store *store = new cache::Store;
    cache::fill(*store, n);
    char *held = buffer(3 << 20);
    void *session = session_open(2 << 20);
    printf("%zu %d %d\n", store->size(), held[0], session != nullptr);
    return 0;
}
