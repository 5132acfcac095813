/* Seconds for a word to another process and back: spinning a little, then sleeping on a futex. */
#include "limit.h"
struct side { _Alignas(128) _Atomic uint32_t word; _Atomic uint32_t asleep; };
static int spins;
static void await(struct side *side, uint32_t value) {
    for (int i = 0; i < spins; i++) {
        if (side->word == value) return;
        relax();
    }
    uint32_t seen;
    while ((seen = side->word) != value) {
        side->asleep = 1;
        if (side->word == seen) futex_wait(&side->word, seen);
        side->asleep = 0;
    }
}
static void put(struct side *side, uint32_t value) {
    side->word = value;
    if (side->asleep) futex_wake(&side->word);
}
int main(void) {
    cpu_set_t cores;
    spins = sched_getaffinity(0, sizeof cores, &cores) == 0 && CPU_COUNT(&cores) > 1 ? 300 : 0;
    struct side *sides = shared(sizeof(struct side) * 2);
    uint32_t n = 100000, warm = 5000;
    if (child() == 0) {
        for (uint32_t i = 1; i <= n + warm; i++) { await(&sides[0], i); put(&sides[1], i); }
        _exit(0);
    }
    double start = 0;
    for (uint32_t i = 1; i <= n + warm; i++) {
        if (i == warm + 1) start = now();
        put(&sides[0], i);
        await(&sides[1], i);
    }
    printf("%.9g\n", (now() - start) / n);
    wait(NULL);
}
