/* Seconds per message through a ring of 64-byte slots, each with a sequence word: one producer, one consumer.
   The number of slots, a power of two, can be given. */
#include "limit.h"
struct slot { _Alignas(64) _Atomic uint64_t sequence; uint64_t value; };
int main(int count, char **words) {
    uint64_t slots = count > 1 ? atoi(words[1]) : 4096;
    struct slot *ring = shared(sizeof(struct slot) * slots);
    for (uint64_t i = 0; i < slots; i++) ring[i].sequence = i;
    uint64_t n = 4000000;
    double start = now();
    if (child() == 0) {
        for (uint64_t i = 0; i < n; i++) {
            struct slot *slot = &ring[i & (slots - 1)];
            for (int turns = 0; atomic_load_explicit(&slot->sequence, memory_order_acquire) != i; turns++)
                if (turns < 300) relax(); else usleep(0);
            slot->value = i;
            atomic_store_explicit(&slot->sequence, i + 1, memory_order_release);
        }
        _exit(0);
    }
    uint64_t sum = 0;
    for (uint64_t i = 0; i < n; i++) {
        struct slot *slot = &ring[i & (slots - 1)];
        for (int turns = 0; atomic_load_explicit(&slot->sequence, memory_order_acquire) != i + 1; turns++)
            if (turns < 300) relax(); else usleep(0);
        sum += slot->value;
        atomic_store_explicit(&slot->sequence, i + slots, memory_order_release);
    }
    if (sum != n * (n - 1) / 2) return 1;
    printf("%.9g\n", (now() - start) / n);
    wait(NULL);
}
