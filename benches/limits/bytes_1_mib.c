/* Seconds per MiB copied in and out again between warm buffers: what a copy through shared memory costs at least. */
#include "limit.h"
int main(void) {
    size_t size = 1 << 20;
    char *from = malloc(size), *to = malloc(size), *middle = shared(size);
    memset(from, 1, size); memset(to, 2, size); memset(middle, 3, size);
    double start = 0;
    for (int i = 0; i < 1050; i++) {
        if (i == 50) start = now();
        memcpy(middle, from, size);
        memcpy(to, middle, size);
        __asm__ volatile("" : : "r"(to), "r"(middle) : "memory");
    }
    printf("%.9g\n", (now() - start) / 1000);
}
